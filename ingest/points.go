package ingest

import (
	"context"
	"math"
	"strconv"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// maxMetricName bounds a metric's name, in bytes.
const maxMetricName = 1024

// staleNaN is Prometheus's marker that a series has ended; a point flagged as
// having no recorded value is stored as one.
var staleNaN = math.Float64frombits(0x7ff0000000000002)

// Metrics takes a request of data points in and returns once they are
// durable. adm, which may be nil, is released as soon as the columns are built.
func (p *Pipeline) Metrics(ctx context.Context, t tenant.ID, metrics pmetric.Metrics, adm *Admission) (Result, error) {
	if n := metrics.DataPointCount(); n > p.cfg.Limits.Records {
		return Result{}, p.tooMany(n)
	}
	w := &pointWalk{walk: *p.newWalk(t, Metrics), batch: p.metricBatches.get(t)}
	defer p.metricBatches.put(t, w.batch)
	for i, rm := range metrics.ResourceMetrics().All() {
		w.place.resource = i
		bad := w.enterResource(rm.Resource(), rm.SchemaUrl())
		for j, sm := range rm.ScopeMetrics().All() {
			w.place.scope = j
			w.scopeMetrics(sm, bad)
		}
	}
	w.warn()
	result, err := w.finish(ctx, adm, w.batch, func() {}) // the batch still knows its series, to be marked
	if err == nil {
		w.batch.MarkStored()
	}
	return result, err
}

// pointWalk is a walk over data points.
type pointWalk struct {
	walk
	batch     *metricstore.Batch
	series    metricstore.Series // of the metric at hand; points fill in their attributes
	histogram metricstore.HistogramPoint
	name      string // of the metric, as series is renamed for summaries
	bounds    []float64
	counts    []uint64
	negative  []uint64

	exemplarsLeftOut int
	exemplarFault    fault
}

func (w *pointWalk) scopeMetrics(sm pmetric.ScopeMetrics, bad fault) {
	if f := w.enterScope(sm.Scope(), sm.SchemaUrl()); bad.reason == "" {
		bad = f
	}
	for k, m := range sm.Metrics().All() {
		w.place.metric = k
		if f := w.enterMetric(m); bad.reason != "" || f.reason != "" {
			if bad.reason != "" {
				f = bad
			}
			w.result.reject(f, pointCount(m), w.place, 0)
			continue
		}
		w.metric(m)
	}
}

// enterMetric makes m the metric of the points that follow.
func (w *pointWalk) enterMetric(m pmetric.Metric) fault {
	w.name = m.Name()
	w.series = metricstore.Series{Name: w.name, Unit: m.Unit(), Description: m.Description()}
	switch {
	case w.name == "":
		return fault{reason: MetricNameEmpty, field: "metric.name"}
	case len(w.name) > maxMetricName, !utf8.ValidString(w.name):
		return fault{reason: MetricNameInvalid, field: "metric.name"}
	}
	if f := w.limits.record("metric", len(m.Unit())+len(m.Description())); f.reason != "" {
		return f
	}
	var t pmetric.AggregationTemporality
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.series.Type = metricstore.Gauge
		return fault{}
	case pmetric.MetricTypeSummary:
		w.series.Type = metricstore.Summary
		w.series.Temporality = metricstore.Cumulative
		return fault{}
	case pmetric.MetricTypeSum:
		w.series.Type, w.series.Monotonic, t = metricstore.Sum, m.Sum().IsMonotonic(), m.Sum().AggregationTemporality()
	case pmetric.MetricTypeHistogram:
		w.series.Type, t = metricstore.Histogram, m.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		w.series.Type, t = metricstore.ExponentialHistogram, m.ExponentialHistogram().AggregationTemporality()
	}
	switch t {
	case pmetric.AggregationTemporalityDelta:
		w.series.Temporality = metricstore.Delta
	case pmetric.AggregationTemporalityCumulative:
		w.series.Temporality = metricstore.Cumulative
	default:
		return fault{reason: TemporalityMissing, field: "metric.aggregationTemporality"}
	}
	return fault{}
}

func pointCount(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	default:
		return 0
	}
}

// metric walks the points of m.
func (w *pointWalk) metric(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		w.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for i, dp := range m.Histogram().DataPoints().All() {
			w.count(i, w.explicit(dp))
		}
	case pmetric.MetricTypeExponentialHistogram:
		for i, dp := range m.ExponentialHistogram().DataPoints().All() {
			w.count(i, w.exponential(dp))
		}
	case pmetric.MetricTypeSummary:
		for i, dp := range m.Summary().DataPoints().All() {
			w.count(i, w.summary(dp))
		}
	}
}

func (w *pointWalk) numbers(points pmetric.NumberDataPointSlice) {
	for i, dp := range points.All() {
		w.count(i, w.number(dp))
	}
}

// count books the outcome of point i.
func (w *pointWalk) count(i int, f fault) {
	if f.reason != "" {
		w.result.reject(f, 1, w.place, i)
		return
	}
	w.result.Accepted++
}

// point is what the kinds of data points have in common.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
}

// enter checks what all points have and fills in the series' attributes and
// references. Times come back in Unix ms, start 0 when unknown.
func (w *pointWalk) enter(dp point) (at, start int64, f fault) {
	ns, f := w.window.check(dp.Timestamp(), "timeUnixNano")
	if f.reason != "" {
		return 0, 0, f
	}
	if s := dp.StartTimestamp(); s > math.MaxInt64 {
		return 0, 0, fault{reason: TimeAhead, field: "startTimeUnixNano", got: math.MaxInt64, limit: w.window.newest}
	} else if s != 0 {
		start = int64(s) / 1e6
	}
	kvs, size, f := w.limits.attributes(w.attrs[:0], dp.Attributes(), "attributes")
	w.attrs = kvs
	if f.reason != "" {
		return 0, 0, f
	}
	if f := w.limits.record("data point", size); f.reason != "" {
		return 0, 0, f
	}
	ref := w.refer(ns)
	w.series.Attributes = kvs
	w.series.ResourceID, w.series.ScopeID = ref.resourceID, ref.scopeID
	return ns / 1e6, start, fault{}
}

func (w *pointWalk) number(dp pmetric.NumberDataPoint) fault {
	stale := dp.Flags().NoRecordedValue()
	value := staleNaN
	if !stale {
		switch dp.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			value = float64(dp.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			value = dp.DoubleValue()
		default:
			return fault{reason: ValueMissing, field: "value"}
		}
	}
	at, start, f := w.enter(dp)
	if f.reason != "" {
		return f
	}
	fp := w.batch.Series(&w.series, at)
	w.batch.Sample(fp, at, start, value)
	w.exemplars(fp, dp.Exemplars(), dp.Timestamp())
	return fault{}
}

// summary stores each quantile as a sample of its own series, and the sum and
// the count as samples of series named after the metric.
func (w *pointWalk) summary(dp pmetric.SummaryDataPoint) fault {
	for i, q := range dp.QuantileValues().All() {
		if v := q.Quantile(); !(v >= 0 && v <= 1) {
			return fault{reason: QuantileInvalid, field: "quantileValues", got: int64(i)}
		}
	}
	at, start, f := w.enter(dp)
	if f.reason != "" {
		return f
	}
	sum, count := dp.Sum(), float64(dp.Count())
	stale := dp.Flags().NoRecordedValue()
	if stale {
		sum, count = staleNaN, staleNaN
	}
	for _, q := range dp.QuantileValues().All() {
		value := q.Value()
		if stale {
			value = staleNaN
		}
		w.series.Quantile = strconv.FormatFloat(q.Quantile(), 'g', -1, 64)
		w.batch.Sample(w.batch.Series(&w.series, at), at, start, value)
	}
	w.series.Quantile = ""
	w.series.Monotonic = true
	w.series.Name = w.name + "_sum"
	w.batch.Sample(w.batch.Series(&w.series, at), at, start, sum)
	w.series.Name = w.name + "_count"
	w.batch.Sample(w.batch.Series(&w.series, at), at, start, count)
	w.series.Name, w.series.Monotonic = w.name, false
	return fault{}
}

// exemplars appends the exemplars of a point. One without a time has the
// point's; one that cannot be stored is left out and told as a warning, as
// the protocol counts points only.
func (w *pointWalk) exemplars(fp uint64, exemplars pmetric.ExemplarSlice, at pcommon.Timestamp) {
	for _, e := range exemplars.All() {
		if f := w.exemplar(fp, e, at); f.reason != "" {
			if w.exemplarsLeftOut++; w.exemplarsLeftOut == 1 {
				w.exemplarFault = f
			}
		}
	}
}

func (w *pointWalk) exemplar(fp uint64, e pmetric.Exemplar, at pcommon.Timestamp) fault {
	if e.Timestamp() != 0 {
		at = e.Timestamp()
	}
	ns, f := w.window.check(at, "exemplars.timeUnixNano")
	if f.reason != "" {
		return f
	}
	var value float64
	switch e.ValueType() {
	case pmetric.ExemplarValueTypeInt:
		value = float64(e.IntValue())
	case pmetric.ExemplarValueTypeDouble:
		value = e.DoubleValue()
	default:
		return fault{reason: ValueMissing, field: "exemplars.value"}
	}
	w.extra, _, f = w.limits.attributes(w.extra[:0], e.FilteredAttributes(), "exemplars.filteredAttributes")
	if f.reason != "" {
		return f
	}
	w.batch.Exemplar(fp, w.name, &metricstore.Exemplar{
		Time: ns, TraceID: e.TraceID(), SpanID: e.SpanID(), Value: value, Attributes: w.extra,
	})
	return fault{}
}
