package seriespoints

import (
	"fmt"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/trefoil-o11y/trefoil/query/nativehist"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// native holds the points of one series of native histograms.
type native struct {
	times, start []int64
	histograms   []*histogram.FloatHistogram
	unfit        error // why the first point that has no native form has none
}

func (n *native) add(r *histcol.Point) {
	h, err := nativehist.Of(r)
	if err != nil {
		if n.unfit == nil {
			n.unfit = err
		}
		return
	}
	n.times = append(n.times, r.Time)
	n.start = append(n.start, r.Start)
	n.histograms = append(n.histograms, h)
}

// raw shows points as sent: deltas as gauges, so that rate of them warns instead of
// lying. Of what Prometheus sent each point says whether it is one.
func (n *native) raw(s *metricstore.SeriesRow) columns {
	if !s.Prometheus && s.Temporality != metricstore.Cumulative {
		for _, h := range n.histograms {
			h.CounterResetHint = histogram.GaugeType
		}
	}
	nativehist.Hint(n.histograms)
	return columns{times: n.times, histograms: n.histograms}
}

// total shows the running total of deltas along a curve.
func (n *native) total(along func(ts, start []int64) curve) (columns, error) {
	var (
		ts, start []int64
		totals    = []*histogram.FloatHistogram{nil}
	)
	for i, h := range n.histograms {
		if value.IsStaleNaN(h.Sum) {
			continue
		}
		sum := h
		if last := totals[len(totals)-1]; last == nil {
			totals[0] = &histogram.FloatHistogram{Schema: h.Schema, ZeroThreshold: h.ZeroThreshold}
		} else {
			var err error
			if sum, _, _, err = last.Copy().Add(h); err != nil {
				return columns{}, fmt.Errorf("exponential histogram: add deltas: %w", err)
			}
		}
		ts, start, totals = append(ts, n.times[i]), append(start, n.start[i]), append(totals, sum)
	}
	c := along(ts, start)
	out := columns{times: c.times, histograms: make([]*histogram.FloatHistogram, len(c.upto))}
	for i, k := range c.upto {
		out.histograms[i] = totals[k]
	}
	return out, nil
}

// total is the running total of float deltas along a curve; stale points and
// repeats in time have no part in it.
func (d deltas) total(along func(ts, start []int64) curve) columns {
	var (
		ts, start []int64
		totals    = []float64{0}
	)
	for i, v := range d.values {
		if value.IsStaleNaN(v) {
			continue
		}
		ts, start, totals = append(ts, d.times[i]), append(start, d.start[i]), append(totals, totals[len(totals)-1]+v)
	}
	c := along(ts, start)
	out := columns{times: c.times, floats: make([]float64, len(c.upto))}
	for i, k := range c.upto {
		out.floats[i] = totals[k]
	}
	return out
}
