package seriespoints

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"

	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// Whether histograms are gauges is said of OTLP's series, and of each point that
// Prometheus sends.
func TestGauges(t *testing.T) {
	point := func(h histcol.Hint) *histcol.Point {
		return &histcol.Point{Kind: histcol.KindExponential, Flags: h.Flags()}
	}
	for _, c := range []struct {
		series metricstore.SeriesRow
		sent   histcol.Hint
		want   histogram.CounterResetHint
	}{
		{metricstore.SeriesRow{Temporality: metricstore.Unspecified}, histcol.HintUnknown, histogram.GaugeType},
		{metricstore.SeriesRow{Temporality: metricstore.Delta}, histcol.HintUnknown, histogram.GaugeType},
		{metricstore.SeriesRow{Temporality: metricstore.Cumulative}, histcol.HintUnknown, histogram.UnknownCounterReset},
		{metricstore.SeriesRow{Temporality: metricstore.Unspecified, Prometheus: true}, histcol.HintReset, histogram.CounterReset},
		{metricstore.SeriesRow{Temporality: metricstore.Cumulative, Prometheus: true}, histcol.HintGauge, histogram.GaugeType},
	} {
		n := new(native)
		n.add(point(c.sent))
		if got := n.raw(&c.series).histograms[0].CounterResetHint; got != c.want {
			t.Errorf("%+v, hint %d: %d, want %d", c.series, c.sent, got, c.want)
		}
	}
}

func TestClassicFractions(t *testing.T) {
	bits := math.Float64bits
	e := new(explicit)
	e.add(&histcol.Point{Time: 1000, Flags: histcol.FloatCounts, Count: bits(1.5), Bounds: []float64{1, 2}, Counts: []uint64{bits(0.5), bits(0.75), bits(0.25)}})
	if got := []float64{e.bucket(1).values[0], e.bucket(2).values[0], e.counts().values[0]}; !cmp.Equal(got, []float64{0.5, 1.25, 1.5}) {
		t.Errorf("buckets and count %v", got)
	}
}
