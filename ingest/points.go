package ingest

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// maxMetricName bounds a metric's name, in bytes.
const maxMetricName = 1024

// staleNaN is Prometheus's marker that a series has ended; a point flagged as
// having no recorded value is stored as one.
var staleNaN = math.Float64frombits(0x7ff0000000000002)

// PointIntake takes the data points of one request in.
type PointIntake struct {
	intake
	batch    *metricstore.Batch
	series   metricstore.Series // of the metric at hand; points fill in their attributes
	name     string             // of the metric, as series is renamed for summaries
	identity uint64             // of series, for Recall

	exemplarsLeftOut int
	exemplarFault    fault
}

// Point is what the kinds of data points have in common.
type Point struct {
	Time, Start     int64 // Start is 0 when unknown
	Attributes      []attribute.KeyValue
	NoRecordedValue bool
	Exemplars       []Exemplar

	series metricstore.Recalled
}

// Exemplar is an exemplar as it was sent. Without a Time it has its point's.
type Exemplar struct {
	metricstore.Exemplar
	HasValue bool
}

// Summary is the values of one point of a summary.
type Summary struct {
	Count     uint64
	Sum       float64
	Quantiles []Quantile
}

// Quantile is one quantile of a summary.
type Quantile struct{ Quantile, Value float64 }

// PointIntake begins a request of data points.
func (p *Pipeline) PointIntake(t tenant.ID) *PointIntake {
	in := p.pointIntakes.get(t)
	in.begin()
	in.exemplarsLeftOut, in.exemplarFault = 0, fault{}
	return in
}

func (p *Pipeline) newPointIntake(t tenant.ID) *PointIntake {
	return &PointIntake{
		intake: newIntake(p, Metrics, t),
		batch:  metricstore.NewBatch(t, p.cfg.RetentionDays, p.known),
	}
}

// EnterMetric makes s, whose attributes and references are not looked at, the
// metric of what follows. Its temporality is as Temporality makes it.
func (in *PointIntake) EnterMetric(s *metricstore.Series) {
	in.place.metric++
	in.place.record = -1
	in.series, in.name = *s, s.Name
	in.series.Observed = in.window.now / 1e6
	in.deepFault = in.metric(s)
}

func (in *PointIntake) metric(s *metricstore.Series) fault {
	switch {
	case s.Name == "":
		return fault{reason: MetricNameEmpty, field: "metric.name"}
	case len(s.Name) > maxMetricName, !utf8.ValidString(s.Name):
		return fault{reason: MetricNameInvalid, field: "metric.name"}
	}
	if f := in.limits.record("metric", len(s.Unit)+len(s.Description)); f.reason != "" {
		return f
	}
	in.series.Monotonic = s.Monotonic && s.Type == metricstore.Sum
	switch s.Type {
	case metricstore.Gauge:
		in.series.Temporality = metricstore.Unspecified
	case metricstore.Summary:
		in.series.Temporality = metricstore.Cumulative
	default:
		if s.Temporality == metricstore.Unspecified && s.PromName == "" { // Prometheus has types without
			return fault{reason: TemporalityMissing, field: "metric.aggregationTemporality"}
		}
	}
	in.series.ResourceID, in.series.ScopeID = in.ref.resourceID, in.ref.scopeID
	in.identity = in.batch.Identity(&in.series)
	return fault{}
}

// Temporality keeps delta and cumulative; others are unspecified.
func Temporality(n int32) metricstore.Temporality {
	if n == int32(metricstore.Delta) || n == int32(metricstore.Cumulative) {
		return metricstore.Temporality(n)
	}
	return metricstore.Unspecified
}

// Recall says whether a series of the metric at hand, with these attributes as
// they are encoded in the request, is known for the day of p. If so p need not
// be given Attributes.
func (in *PointIntake) Recall(p *Point, encoded []byte) bool {
	p.series = metricstore.Recalled{}
	if in.resourceFault.reason == "" && in.deepFault.reason == "" && p.Time > 0 {
		p.series = in.p.series.Recall(in.identity, encoded, p.Time/1e6)
	}
	return p.series.Known
}

// AddNumber takes one point of a gauge or a sum, or counts it as rejected; ok
// says that it has a value.
func (in *PointIntake) AddNumber(p *Point, value float64, ok bool) {
	f := in.next()
	if f.reason == "" {
		f = in.number(p, value, ok)
	}
	in.count(f)
}

func (in *PointIntake) number(p *Point, value float64, ok bool) fault {
	switch {
	case p.NoRecordedValue:
		value = staleNaN
	case !ok:
		return fault{reason: ValueMissing, field: "value"}
	}
	if f := in.enter(p); f.reason != "" {
		return f
	}
	fp, f := in.fingerprint(p)
	if f.reason != "" {
		return f
	}
	in.batch.Sample(fp, p.Time/1e6, p.Start/1e6, value)
	in.exemplars(fp, p)
	return fault{}
}

// enter checks what all points have and fills in the series' attributes and
// references.
func (in *PointIntake) enter(p *Point) fault {
	if f := in.window.check(p.Time, "timeUnixNano"); f.reason != "" {
		return f
	}
	if p.Start < 0 {
		return in.window.ahead("startTimeUnixNano")
	}
	if !p.series.Known {
		size, f := in.labels(p.Attributes)
		if f.reason != "" {
			return f
		}
		if f := in.limits.record("data point", size); f.reason != "" {
			return f
		}
		p.Attributes = in.sorter.Sort(p.Attributes)
	}
	in.refer(p.Time)
	in.series.Attributes = p.Attributes
	return fault{}
}

// fingerprint is that of the series of p, which has been entered. A row is added
// for the series when it needs one.
func (in *PointIntake) fingerprint(p *Point) (uint64, fault) {
	if p.series.Known && in.quota.Touch(p.series.Fingerprint) {
		return p.series.Fingerprint, fault{}
	}
	if p.series.Known {
		return p.series.Fingerprint, in.activate(p.series.Fingerprint, nil)
	}
	at := p.Time / 1e6
	fp := in.batch.Fingerprint(&in.series)
	if f := in.activate(fp, in.series.Attributes); f.reason != "" {
		return 0, f
	}
	in.batch.SeriesDay(&in.series, fp, at)
	if in.batch.Stored(&in.series, fp, at) {
		in.p.series.Remember(p.series, fp)
	}
	return fp, fault{}
}

// activate makes a series active, if the tenant may have another one.
func (in *PointIntake) activate(fp uint64, labels []attribute.KeyValue) fault {
	if in.quota.Activate(fp, in.series.Name, labels, in.resource.Attributes) {
		return fault{}
	}
	return fault{reason: TooManySeries, field: in.name, limit: in.quota.Limits().Series}
}

// AddSummary takes one point of a summary, or counts it as rejected.
func (in *PointIntake) AddSummary(p *Point, s *Summary) {
	f := in.next()
	if f.reason == "" {
		f = in.summary(p, s)
	}
	in.count(f)
}

// summary stores each quantile as a sample of its own series, and the sum and
// the count as samples of series named after the metric.
func (in *PointIntake) summary(p *Point, s *Summary) fault {
	for i := range s.Quantiles {
		if v := s.Quantiles[i].Quantile; !(v >= 0 && v <= 1) {
			return fault{reason: QuantileInvalid, field: "quantileValues", got: int64(i)}
		}
	}
	if f := in.enter(p); f.reason != "" {
		return f
	}
	for _, store := range []bool{false, true} { // all of its series may be written to, or none is
		if f := in.parts(p, s, store); f.reason != "" {
			return f
		}
	}
	return fault{}
}

// parts activates the series of a summary, or stores their samples.
func (in *PointIntake) parts(p *Point, s *Summary, store bool) (f fault) {
	defer func() { in.series.Name, in.series.Quantile, in.series.Monotonic = in.name, "", false }()
	for _, q := range s.Quantiles {
		in.series.Quantile = strconv.FormatFloat(q.Quantile, 'g', -1, 64)
		if f := in.part(p, q.Value, store); f.reason != "" {
			return f
		}
	}
	in.series.Quantile = ""
	in.series.Monotonic = true
	in.series.Name = in.name + "_sum"
	if f := in.part(p, s.Sum, store); f.reason != "" {
		return f
	}
	in.series.Name = in.name + "_count"
	return in.part(p, float64(s.Count), store)
}

// part activates the series of one number of a summary, or stores the number.
func (in *PointIntake) part(p *Point, value float64, store bool) fault {
	at := p.Time / 1e6
	fp := in.batch.Fingerprint(&in.series)
	if !store {
		return in.activate(fp, in.series.Attributes)
	}
	if p.NoRecordedValue {
		value = staleNaN
	}
	in.batch.SeriesDay(&in.series, fp, at)
	in.batch.Sample(fp, at, p.Start/1e6, value)
	return fault{}
}

// exemplars appends the exemplars of a point. One without a time has the
// point's; one that cannot be stored is left out and told as a warning, as
// the protocol counts points only.
func (in *PointIntake) exemplars(fp uint64, p *Point) {
	for i := range p.Exemplars {
		e := &p.Exemplars[i]
		if e.Time == 0 {
			e.Time = p.Time
		}
		if f := in.exemplar(e); f.reason != "" {
			if in.exemplarsLeftOut++; in.exemplarsLeftOut == 1 {
				in.exemplarFault = f
			}
			continue
		}
		in.batch.Exemplar(fp, in.name, &e.Exemplar)
	}
}

func (in *PointIntake) exemplar(e *Exemplar) fault {
	if f := in.window.check(e.Time, "exemplars.timeUnixNano"); f.reason != "" {
		return f
	}
	if !e.HasValue {
		return fault{reason: ValueMissing, field: "exemplars.value"}
	}
	_, f := in.hanging(&e.Attributes, "exemplars.filteredAttributes")
	return f
}

// Build makes the columns into blocks.
func (in *PointIntake) Build() (*Built, error) {
	defer in.Discard()
	if in.exemplarsLeftOut > 0 {
		in.result.Warnings = append(in.result.Warnings, fmt.Sprintf("%d exemplars left out, first: %s: %s",
			in.exemplarsLeftOut, in.exemplarFault.reason, in.exemplarFault))
	}
	return in.built(in.batch, in.batch.Added(nil))
}

// Discard gives the request up.
func (in *PointIntake) Discard() { in.p.pointIntakes.put(in.tenant, in) }

// Rows is the number of points in hand.
func (in *PointIntake) Rows() int { return in.batch.Rows() }

// Reset forgets the request and keeps the buffers.
func (in *PointIntake) Reset() {
	in.reset()
	in.batch.Reset()
	in.series, in.name, in.exemplarFault = metricstore.Series{}, "", fault{}
}
