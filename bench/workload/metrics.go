package workload

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// scrape is the time between two points of one series.
const scrape = 15 * time.Second

// metrics encodes the next n points. Series take turns; when all have had one,
// time moves on by scrape. Series 0 to 4 of every ten are counters, 5 to 7
// gauges, 8 and 9 histograms.
func (g *generator) metrics(n int) ([]byte, error) {
	metrics := pmetric.NewMetrics()
	var scope pmetric.ScopeMetrics
	open := -1 // the resource that scope belongs to
	for range n {
		series := g.point % g.cfg.Series
		resource := series * g.cfg.Resources / g.cfg.Series
		if resource != open {
			rm := metrics.ResourceMetrics().AppendEmpty()
			fillResource(rm.Resource(), resource)
			scope = rm.ScopeMetrics().AppendEmpty()
			scope.Scope().SetName("reference/meter")
			open = resource
		}
		at := g.cfg.Start.Add(time.Duration(g.point/g.cfg.Series) * scrape)
		g.metricPoint(scope.Metrics(), series, pcommon.NewTimestampFromTime(at))
		g.point++
	}
	return pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
}

func (g *generator) metricPoint(into pmetric.MetricSlice, series int, at pcommon.Timestamp) {
	start := pcommon.NewTimestampFromTime(g.cfg.Start)
	round := uint64(g.point/g.cfg.Series) + 1
	m := into.AppendEmpty()
	switch kind := series % 10; {
	case kind < 5:
		m.SetName(fmt.Sprintf("reference.requests.%d", kind))
		m.SetUnit("{request}")
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p := sum.DataPoints().AppendEmpty()
		p.SetStartTimestamp(start)
		p.SetTimestamp(at)
		p.SetIntValue(int64(round*uint64(20+series%50)) + g.rng.Int64N(20))
		pointAttributes(p.Attributes(), series)
	case kind < 8:
		m.SetName(fmt.Sprintf("reference.level.%d", kind))
		m.SetUnit("By")
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetTimestamp(at)
		p.SetDoubleValue(float64(1000*(series%97)) + float64(g.rng.IntN(1000))/4)
		pointAttributes(p.Attributes(), series)
	default:
		m.SetName(fmt.Sprintf("reference.duration.%d", kind))
		m.SetUnit("s")
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		g.histogramPoint(h.DataPoints().AppendEmpty(), series, round, start, at)
	}
}

func (g *generator) histogramPoint(p pmetric.HistogramDataPoint, series int, round uint64, start, at pcommon.Timestamp) {
	p.SetStartTimestamp(start)
	p.SetTimestamp(at)
	bounds := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	p.ExplicitBounds().FromRaw(bounds)
	counts := make([]uint64, len(bounds)+1)
	total := uint64(0)
	for i := range counts {
		weight := uint64(max(8-abs(i-series%7-2), 0))
		counts[i] = round*weight + g.rng.Uint64N(1+weight)
		total += counts[i]
	}
	p.BucketCounts().FromRaw(counts)
	p.SetCount(total)
	p.SetSum(float64(total) * 0.08)
	p.SetMin(0.0011)
	p.SetMax(4.2)
	pointAttributes(p.Attributes(), series)
}

// pointAttributes sets five to eight attributes that name one series.
func pointAttributes(a pcommon.Map, series int) {
	a.EnsureCapacity(8)
	a.PutStr("http.request.method", methods()[series/10%len(methods())])
	a.PutStr("http.route", routes()[series/10%len(routes())])
	a.PutInt("http.response.status_code", []int64{200, 404, 500}[series/10%3])
	a.PutStr("server.address", "svc.example")
	a.PutStr("shard", fmt.Sprintf("s%05d", series))
	for i, key := range []string{"network.protocol.version", "url.scheme", "zone"} {
		if series/10%4 > i {
			a.PutStr(key, "v1")
		}
	}
}

func abs(n int) int { return max(n, -n) }
