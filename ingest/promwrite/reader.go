package promwrite

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/protofield"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// taken is a request that has been read.
type taken struct {
	written       Written // once it is stored
	firstRejected string  // the series of the first rejected record
}

// decode reads requests of one version, as if they were one, in bodies it does not
// keep, and charges adm for what it builds. A reference of version 2 is to the
// table of its own body.
func decode(p *ingest.Pipeline, m *families, t tenant.ID, v version, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, []taken, error) {
	limits := p.Limits()
	r := reader{in: p.PointIntake(t), tenant: t, families: m, limits: &limits, adm: adm}
	r.attributes = r.in.MaxAttributes()
	r.in.EnterResource(&resourcestore.Resource{})
	r.in.EnterScope(&resourcestore.Scope{})
	all := make([]taken, len(bodies))
	for i, body := range bodies {
		r.body, r.symbols, r.taken = protofield.NewBody(body), r.symbols[:0], taken{}
		if v == v2 {
			r.request2()
		} else {
			r.request1()
		}
		r.charge(0)
		if err := r.body.Err(); err != nil {
			r.in.Discard()
			return nil, nil, err
		}
		all[i] = r.taken
	}
	built, err := r.in.Build()
	return built, all, err
}

// reader reads requests one after the other.
type reader struct {
	in       *ingest.PointIntake
	tenant   tenant.ID
	families *families
	limits   *ingest.Limits
	body     *protofield.Body

	attributes int // how many a series or an exemplar may have

	adm       *ingest.Admission
	uncharged int // records and labels
	records   int

	symbols []string // version 2
	series  series
	point   ingest.Point
	sparse  sparse
	dense   histcol.Point
	taken   // of the request at hand
}

// series is the series at hand.
type series struct {
	name      string
	labels    []attribute.KeyValue // without the name
	broken    bool                 // a label is not valid
	brokenKey string
	family    family
	start     int64 // Unix ms, when points do not say; 0 unknown
	samples   int
	bins      int // native histograms
	exemplars []ingest.Exemplar
	hung      []attribute.KeyValue // of the exemplars
}

// recordBytes is what a record or a label can cost in columns and blocks beside
// the bytes it was made of.
const recordBytes = 128

// charge takes the memory of n more records or labels.
func (r *reader) charge(n int) {
	r.uncharged += n
	if r.uncharged < 500 && n > 0 {
		return
	}
	if err := r.adm.Grow(int64(r.uncharged) * recordBytes); err != nil {
		r.body.Stop(err)
	}
	r.uncharged = 0
}

// count takes n more records.
func (r *reader) count(n int) {
	r.charge(n)
	if r.records += n; r.records > r.limits.Records {
		r.body.Stop(&ingest.TooLargeError{What: "request", Unit: "records", Limit: int64(r.limits.Records), Got: int64(r.records)})
	}
}

func (s *series) reset() {
	*s = series{labels: s.labels[:0], exemplars: s.exemplars[:0], hung: s.hung[:0]}
}

// label adds a label. One with an empty value is none.
func (r *reader) label(name, value string) {
	s := &r.series
	r.charge(1)
	switch {
	case name == "__name__":
		if s.name != "" {
			s.spoil(name)
		}
		s.name = value
	case name == "", !utf8.ValidString(name), !utf8.ValidString(value):
		s.spoil(name)
	case value == "":
	case len(s.labels) <= r.attributes: // one more is found to be too many
		s.labels = append(s.labels, attribute.KeyValue{Key: name, Value: attribute.StringValue(value)})
	}
}

func (s *series) spoil(key string) {
	if !s.broken {
		s.broken, s.brokenKey = true, strings.ToValidUTF8(key, "\ufffd")
	}
}

// begin is called when the labels of the series are read.
func (r *reader) begin() {
	s := &r.series
	attribute.Sort(s.labels)
	for i := 1; i < len(s.labels); i++ {
		if s.labels[i].Key == s.labels[i-1].Key {
			s.spoil(s.labels[i].Key)
		}
	}
}

// take stores the points and exemplars of the series whose points are the
// fields of m with these numbers.
func (r *reader) take(m protofield.Message, sampleField, histogramField int) {
	s := &r.series
	r.begin()
	if s.samples > 0 {
		r.enterFloat()
		for at := m; at.Next(); {
			if at.Number() == sampleField {
				r.sample(at.Message())
			}
		}
	}
	var entered metricstore.Type
	var gaugeEntered bool
	if s.bins > 0 {
		for at := m; at.Next(); {
			if at.Number() != histogramField {
				continue
			}
			wrong := r.histogram(at.Message())
			if r.body.Err() != nil {
				return
			}
			if typ, gauge := r.sparse.typ(), r.sparse.hint == histcol.HintGauge; typ != entered || gauge != gaugeEntered {
				r.enterHistogram(typ, gauge)
				entered, gaugeEntered = typ, gauge
			}
			r.addHistogram(wrong)
		}
	}
	if len(s.exemplars) > 0 && s.samples+s.bins == 0 {
		r.enterAlone()
	}
	for i := range s.exemplars {
		if !s.broken && r.in.AddExemplar(&ingest.Point{Attributes: s.labels}, &s.exemplars[i]) {
			r.written.Exemplars++
		}
	}
}

func (r *reader) enterFloat() {
	m := metricstore.Series{Name: r.series.name, PromName: r.series.name}
	r.series.family.float(&m, r.series.name)
	r.in.EnterMetric(&m)
}

func (r *reader) enterHistogram(typ metricstore.Type, gauge bool) {
	f := &r.series.family
	m := metricstore.Series{Name: r.series.name, PromName: r.series.name, Unit: f.unit, Description: f.help, Type: typ, Temporality: metricstore.Cumulative}
	if gauge {
		m.Temporality = metricstore.Unspecified
	}
	r.in.EnterMetric(&m)
}

// enterAlone enters a series of which there are exemplars only.
func (r *reader) enterAlone() {
	s := &r.series
	m := metricstore.Series{}
	s.family.float(&m, s.name)
	native := m.Type == metricstore.Unknown && s.family.kind == histogram || m.Type == metricstore.Gauge && s.family.kind == gaugeHistogram &&
		!slices.ContainsFunc([]string{"_bucket", "_gcount", "_gsum"}, func(x string) bool { return strings.HasSuffix(s.name, x) })
	if native {
		r.enterHistogram(metricstore.ExponentialHistogram, s.family.kind == gaugeHistogram)
		return
	}
	r.enterFloat()
}

// sample reads a sample.
func (r *reader) sample(m protofield.Message) {
	var value float64
	var at int64
	start := r.series.start
	for m.Next() {
		switch m.Number() {
		case 1:
			value = m.Double()
		case 2:
			at = int64(m.Varint())
		case 3:
			start = int64(m.Varint())
		}
	}
	if r.body.Err() != nil {
		return
	}
	r.written.Samples += r.add(at, start, func() { r.in.AddNumber(&r.point, value, true) })
}

// add adds a record of the series at hand and says how many were taken.
func (r *reader) add(at, start int64, add func()) int {
	before := r.in.Accepted()
	if r.series.broken {
		r.in.Reject(ingest.LabelsInvalid, fmt.Sprintf("label %.100q has no name, is there twice, or is not UTF-8", r.series.brokenKey))
	} else {
		r.point = ingest.Point{Time: nanos(at), Attributes: r.series.labels}
		if start > 0 {
			r.point.Start = nanos(start)
		}
		add()
	}
	n := r.in.Accepted() - before
	if n == 0 && r.firstRejected == "" {
		r.firstRejected = r.series.String()
	}
	return n
}

// nanos are OTLP's: unsigned, 0 when not set, and negative when it does not fit.
func nanos(ms int64) int64 {
	switch {
	case ms > math.MaxInt64/1_000_000:
		return -1
	case ms < 0:
		return 1 // long ago
	default:
		return ms * 1_000_000
	}
}

// String is the series as Prometheus writes it, cut when it is long.
func (s *series) String() string {
	const most = 300
	var b strings.Builder
	b.WriteString(s.name)
	b.WriteByte('{')
	for i, kv := range s.labels {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > most {
			b.WriteString("…")
			break
		}
		fmt.Fprintf(&b, "%.100s=%.100q", kv.Key, kv.Value.Str)
	}
	b.WriteByte('}')
	return b.String()
}

// exemplar adds an exemplar to the series. Its trace and span id are taken from
// the labels of those names; labels hold as they are what is no id.
func (r *reader) exemplar(value float64, at int64, each func(label func(name, value string))) {
	r.count(1)
	s := &r.series
	e := ingest.Exemplar{HasValue: true}
	e.Value, e.Time = value, nanos(at)
	first := len(s.hung)
	each(func(name, value string) {
		r.charge(1)
		switch {
		case name == "trace_id" && len(value) == 2*len(e.TraceID) && id(e.TraceID[:], value),
			name == "span_id" && len(value) == 2*len(e.SpanID) && id(e.SpanID[:], value):
		case len(s.hung)-first <= r.attributes:
			s.hung = append(s.hung, attribute.KeyValue{Key: name, Value: attribute.StringValue(value)})
		}
	})
	e.Attributes = s.hung[first:len(s.hung):len(s.hung)]
	s.exemplars = append(s.exemplars, e)
}

// id decodes text, which has the right length, unless it is not an id or all zero.
func id(dst []byte, text string) bool {
	if _, err := hex.Decode(dst, []byte(text)); err != nil || !slices.ContainsFunc(dst, func(b byte) bool { return b != 0 }) {
		clear(dst)
		return false
	}
	return true
}
