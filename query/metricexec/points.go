package metricexec

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// budget is what one query may read from storage, shared by its selectors.
type budget struct {
	samples, maxSamples atomic.Int64
	series, maxSeries   atomic.Int64
}

func newBudget(l Limits) *budget {
	b := new(budget)
	b.maxSamples.Store(int64(l.MaxSamples))
	b.maxSeries.Store(int64(l.MaxSeries))
	return b
}

func (b *budget) read(samples int) error {
	if n := b.samples.Add(int64(samples)); n > b.maxSamples.Load() {
		return &fault.Error{Code: fault.Limit, Limit: "max_samples", Message: fmt.Sprintf(
			"query reads more than %d samples; shorten the range, select fewer series, or raise the limit max_samples", b.maxSamples.Load())}
	}
	return nil
}

func (b *budget) touch(series int) error {
	if n := b.series.Add(int64(series)); n > b.maxSeries.Load() {
		return tooManySeries(int(b.maxSeries.Load()))
	}
	return nil
}

func tooManySeries(limit int) error {
	return &fault.Error{Code: fault.Limit, Limit: "max_series", Message: fmt.Sprintf(
		"query touches more than %d series; add matchers, or raise the limit max_series", limit)}
}

// native holds the points of one exponential histogram series.
type native struct {
	times, start []int64
	histograms   []*histogram.FloatHistogram
	unfit        error // why the first point that has no native form has none
}

func (n *native) add(r *HistogramRow) {
	e := exponential{
		stale: r.NoValue, scale: r.Scale, count: r.Count, sum: r.Sum,
		zeroCount: r.ZeroCount, zeroThreshold: r.ZeroThreshold,
		positiveOffset: r.PositiveOffset, positive: r.Positive,
		negativeOffset: r.NegativeOffset, negative: r.Negative,
	}
	h, err := e.native()
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

// raw shows deltas as sent: gauges, so that rate of them warns instead of lying.
func (n *native) raw(delta bool) columns {
	if delta {
		for _, h := range n.histograms {
			h.CounterResetHint = histogram.GaugeType
		}
	}
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
