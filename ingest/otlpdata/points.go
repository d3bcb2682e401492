package otlpdata

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Metrics makes columns of a request of data points.
func Metrics(p *ingest.Pipeline, t tenant.ID, metrics pmetric.Metrics) (*ingest.Built, error) {
	if err := fits(p, metrics.DataPointCount()); err != nil {
		return nil, err
	}
	in := p.PointIntake(t)
	w := pointWalk{in: in}
	for _, rm := range metrics.ResourceMetrics().All() {
		w.enterResource(in, rm.Resource(), rm.SchemaUrl())
		for _, sm := range rm.ScopeMetrics().All() {
			w.enterScope(in, sm.Scope(), sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				w.metric(m)
			}
		}
	}
	return in.Build()
}

// pointWalk is a walk over data points, with the slices a point fills.
type pointWalk struct {
	walk
	in        *ingest.PointIntake
	point     ingest.Point
	histogram histcol.Point
	summary   ingest.Summary
}

// metric enters m and walks its points.
func (w *pointWalk) metric(m pmetric.Metric) {
	s := metricstore.Series{Name: m.Name(), Unit: m.Unit(), Description: m.Description()}
	var t pmetric.AggregationTemporality
	walk := func() {}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		s.Type = metricstore.Gauge
		walk = func() { w.numbers(m.Gauge().DataPoints()) }
	case pmetric.MetricTypeSum:
		s.Type, s.Monotonic, t = metricstore.Sum, m.Sum().IsMonotonic(), m.Sum().AggregationTemporality()
		walk = func() { w.numbers(m.Sum().DataPoints()) }
	case pmetric.MetricTypeHistogram:
		s.Type, t = metricstore.Histogram, m.Histogram().AggregationTemporality()
		walk = func() { w.histograms(m.Histogram().DataPoints()) }
	case pmetric.MetricTypeExponentialHistogram:
		s.Type, t = metricstore.ExponentialHistogram, m.ExponentialHistogram().AggregationTemporality()
		walk = func() { w.exponentials(m.ExponentialHistogram().DataPoints()) }
	case pmetric.MetricTypeSummary:
		s.Type = metricstore.Summary
		walk = func() { w.summaries(m.Summary().DataPoints()) }
	}
	s.Temporality = ingest.Temporality(int32(t))
	w.in.EnterMetric(&s)
	walk()
}

// point is what the kinds of data points have in common.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

func (w *pointWalk) fill(dp point) {
	w.attrs = appendAttributes(w.attrs[:0], dp.Attributes())
	w.point = ingest.Point{
		Time: int64(dp.Timestamp()), Start: int64(dp.StartTimestamp()), Attributes: w.attrs,
		NoRecordedValue: dp.Flags().NoRecordedValue(), Exemplars: w.point.Exemplars[:0],
	}
}

func (w *pointWalk) exemplars(list pmetric.ExemplarSlice) {
	w.extra = w.extra[:0]
	for _, e := range list.All() {
		x := ingest.Exemplar{
			Exemplar: metricstore.Exemplar{
				Time: int64(e.Timestamp()), TraceID: e.TraceID(), SpanID: e.SpanID(), Attributes: w.hang(e.FilteredAttributes()),
			},
			HasValue: e.ValueType() != pmetric.ExemplarValueTypeEmpty,
		}
		switch e.ValueType() {
		case pmetric.ExemplarValueTypeInt:
			x.Value = float64(e.IntValue())
		case pmetric.ExemplarValueTypeDouble:
			x.Value = e.DoubleValue()
		}
		w.point.Exemplars = append(w.point.Exemplars, x)
	}
}

func (w *pointWalk) numbers(points pmetric.NumberDataPointSlice) {
	for _, dp := range points.All() {
		w.fill(dp)
		w.exemplars(dp.Exemplars())
		var value float64
		switch dp.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			value = float64(dp.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			value = dp.DoubleValue()
		}
		w.in.AddNumber(&w.point, value, dp.ValueType() != pmetric.NumberDataPointValueTypeEmpty)
	}
}

func (w *pointWalk) histograms(points pmetric.HistogramDataPointSlice) {
	for _, dp := range points.All() {
		w.fill(dp)
		w.exemplars(dp.Exemplars())
		w.histogram = histcol.Point{
			Flags: histogramFlags(dp.HasSum(), dp.HasMin(), dp.HasMax()),
			Count: dp.Count(), Sum: dp.Sum(), Min: dp.Min(), Max: dp.Max(),
			Bounds: appendFloats(w.histogram.Bounds[:0], dp.ExplicitBounds()),
			Counts: appendCounts(w.histogram.Counts[:0], dp.BucketCounts()),
		}
		w.in.AddHistogram(&w.point, &w.histogram)
	}
}

func (w *pointWalk) exponentials(points pmetric.ExponentialHistogramDataPointSlice) {
	for _, dp := range points.All() {
		w.fill(dp)
		w.exemplars(dp.Exemplars())
		w.histogram = histcol.Point{
			Flags: histogramFlags(dp.HasSum(), dp.HasMin(), dp.HasMax()),
			Count: dp.Count(), Sum: dp.Sum(), Min: dp.Min(), Max: dp.Max(),
			Scale: dp.Scale(), ZeroCount: dp.ZeroCount(), ZeroThreshold: dp.ZeroThreshold(),
			PositiveOffset: dp.Positive().Offset(),
			PositiveCounts: appendCounts(w.histogram.PositiveCounts[:0], dp.Positive().BucketCounts()),
			NegativeOffset: dp.Negative().Offset(),
			NegativeCounts: appendCounts(w.histogram.NegativeCounts[:0], dp.Negative().BucketCounts()),
		}
		w.in.AddExponential(&w.point, &w.histogram)
	}
}

func (w *pointWalk) summaries(points pmetric.SummaryDataPointSlice) {
	for _, dp := range points.All() {
		w.fill(dp)
		w.summary = ingest.Summary{Count: dp.Count(), Sum: dp.Sum(), Quantiles: w.summary.Quantiles[:0]}
		for _, q := range dp.QuantileValues().All() {
			w.summary.Quantiles = append(w.summary.Quantiles, ingest.Quantile{Quantile: q.Quantile(), Value: q.Value()})
		}
		w.in.AddSummary(&w.point, &w.summary)
	}
}

func histogramFlags(sum, low, high bool) (f uint8) {
	if sum {
		f |= histcol.HasSum
	}
	if low {
		f |= histcol.HasMin
	}
	if high {
		f |= histcol.HasMax
	}
	return f
}

func appendFloats(dst []float64, s pcommon.Float64Slice) []float64 {
	for _, v := range s.All() {
		dst = append(dst, v)
	}
	return dst
}

func appendCounts(dst []uint64, s pcommon.UInt64Slice) []uint64 {
	for _, v := range s.All() {
		dst = append(dst, v)
	}
	return dst
}
