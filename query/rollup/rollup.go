package rollup

import (
	"math"
	"sort"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// Windows are the windows of a rollup, one a step. Window i holds the samples
// with End(i)-Range < time <= End(i), all in Unix ms. Samples before the first
// window may be there when the plan asked for them (metricplan.Rollup.Before).
type Windows struct {
	Start, Step int64 // the end of the first window and the distance to the next, which may be 0
	N           int
	Range       int64
	// First and Every are the time of the first step and the distance to the
	// next. They differ from the windows' with offset and @.
	First, Every int64
	// Edge, if it is not 0, moves the end of each window back to a multiple of it.
	Edge int64
}

// End is the end of window i.
func (w *Windows) End(i int) int64 {
	end := w.Start + int64(i)*w.Step
	if w.Edge > 0 { // seldom, and End is asked for every cell
		return edgeBefore(end, w.Edge)
	}
	return end
}

// edgeBefore is the last multiple of edge up to t.
func edgeBefore(t, edge int64) int64 { return t - (t%edge+edge)%edge }

// Time is the time of step i.
func (w *Windows) Time(i int) int64 { return w.First + int64(i)*w.Every }

// Seconds is the length of a window.
func (w *Windows) Seconds() float64 { return float64(w.Range) / 1000 }

// Kernel fills dst, a column of w.N cells, with a value per window, and with
// column.Absent() where the function has none. Samples are in the order of
// time, one a time. Args are the columns of the function's scalar arguments. A
// kernel overwrites every cell, may rewrite the samples, and keeps none of the slices.
type Kernel func(dst []float64, ts []int64, vs []float64, w Windows, args [][]float64)

// cursor walks the windows of a series; its samples are [lo,hi).
type cursor struct {
	ts         []int64
	lo, hi     int
	loBy, hiBy int // how far they went last, and where scrapes are regular do again
}

// seek moves to the window (from, to]. Windows must be asked for in order.
func (c *cursor) seek(from, to int64) {
	if !c.again(from, to) {
		c.search(from, to)
	}
}

// again moves as far as last time, if that is where the window is.
func (c *cursor) again(from, to int64) bool {
	lo, hi := c.lo+c.loBy, c.hi+c.hiBy
	if lo < 1 || lo >= hi || hi >= len(c.ts) || c.ts[lo-1] > from || c.ts[lo] <= from || c.ts[hi-1] > to || c.ts[hi] <= to {
		return false
	}
	c.lo, c.hi = lo, hi
	return true
}

func (c *cursor) search(from, to int64) {
	ts, n := c.ts, len(c.ts)
	hi := c.hi
	if hi+64 < n && ts[hi+64] <= to { // a long way: windows far apart
		hi += sort.Search(n-hi, func(i int) bool { return ts[hi+i] > to })
	} else {
		for hi < n && ts[hi] <= to {
			hi++
		}
	}
	c.hi, c.hiBy = hi, hi-c.hi
	lo := c.lo
	if lo+64 < hi && ts[lo+64] <= from {
		lo += sort.Search(hi-lo, func(i int) bool { return ts[lo+i] > from })
	} else {
		for lo < hi && ts[lo] <= from {
			lo++
		}
	}
	c.lo, c.loBy = lo, lo-c.lo
}

// perWindow is a kernel of a function of the samples of one window, which are
// at least least many.
//
//go:noinline
func perWindow(least int, f func(ts []int64, vs []float64, end int64) float64) Kernel {
	return func(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) {
		c, absent := cursor{ts: ts}, column.Absent()
		for i := range dst {
			end := w.End(i)
			c.seek(end-w.Range, end)
			if c.hi-c.lo < least {
				dst[i] = absent
				continue
			}
			dst[i] = f(ts[c.lo:c.hi], vs[c.lo:c.hi], end)
		}
	}
}

// Latest is the value of the last sample of the window, absent if that is a
// stale marker: the selector of an instant vector, whose window is the
// lookback.
func Latest(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) {
	absent, hi := column.Absent(), 0
	n := len(ts)
	for i := range dst {
		end := w.End(i)
		if hi+64 < n && ts[hi+64] <= end {
			hi += sort.Search(n-hi, func(k int) bool { return ts[hi+k] > end })
		} else {
			for hi < n && ts[hi] <= end {
				hi++
			}
		}
		if hi > 0 && ts[hi-1] > end-w.Range {
			dst[i] = vs[hi-1] // a stale marker is what absent looks like
		} else {
			dst[i] = absent
		}
	}
}

// LatestTime is the time, in seconds, of the sample Latest takes.
func LatestTime(dst []float64, ts []int64, vs []float64, w Windows, args [][]float64) {
	Latest(dst, ts, vs, w, args)
	hi := 0
	for i := range dst {
		for end := w.End(i); hi < len(ts) && ts[hi] <= end; {
			hi++
		}
		if !column.IsAbsent(dst[i]) {
			dst[i] = float64(ts[hi-1]) / 1000
		}
	}
}

func first(_ []int64, vs []float64, _ int64) float64       { return vs[0] }
func last(_ []int64, vs []float64, _ int64) float64        { return vs[len(vs)-1] }
func count(_ []int64, vs []float64, _ int64) float64       { return float64(len(vs)) }
func one([]int64, []float64, int64) float64                { return 1 }
func timeOfFirst(ts []int64, _ []float64, _ int64) float64 { return float64(ts[0]) / 1000 }
func timeOfLast(ts []int64, _ []float64, _ int64) float64  { return float64(ts[len(ts)-1]) / 1000 }

// Kernels that look at the window's edges or at each sample alone.
var (
	First       Kernel = perWindow(1, first)
	Last        Kernel = perWindow(1, last)
	Count       Kernel = perWindow(1, count)
	One         Kernel = perWindow(1, one)
	TimeOfFirst Kernel = perWindow(1, timeOfFirst)
	TimeOfLast  Kernel = perWindow(1, timeOfLast)
	Max         Kernel = extreme(true)
	Min         Kernel = extreme(false)
	TimeOfMax   Kernel = perWindow(1, timeOfMax)
	TimeOfMin   Kernel = perWindow(1, timeOfMin)
	Sum         Kernel = perWindow(1, sum)
	Avg         Kernel = perWindow(1, avg)
	Stdvar      Kernel = perWindow(1, variance)
	Stddev      Kernel = perWindow(1, deviation)
	Changes     Kernel = perWindow(1, changes)
	Resets      Kernel = perWindow(1, resets)
	Deriv       Kernel = perWindow(2, deriv)
	Irate       Kernel = perWindow(2, irate)
	Idelta      Kernel = perWindow(2, idelta)
)

func changes(_ []int64, vs []float64, _ int64) float64 {
	n := 0
	for i, v := range vs[1:] {
		if before := vs[i]; v != before && !(v != v && before != before) {
			n++
		}
	}
	return float64(n)
}

func resets(_ []int64, vs []float64, _ int64) float64 {
	n := 0
	for i, v := range vs[1:] {
		if v < vs[i] {
			n++
		}
	}
	return float64(n)
}

func timeOfMax(ts []int64, vs []float64, _ int64) float64 {
	m, at := vs[0], ts[0]
	for i, v := range vs {
		if v >= m || m != m {
			m, at = v, ts[i]
		}
	}
	return float64(at) / 1000
}

func timeOfMin(ts []int64, vs []float64, _ int64) float64 {
	m, at := vs[0], ts[0]
	for i, v := range vs {
		if v <= m || m != m {
			m, at = v, ts[i]
		}
	}
	return float64(at) / 1000
}

func irate(ts []int64, vs []float64, _ int64) float64 {
	n := len(vs)
	v := vs[n-1]
	if !(v < vs[n-2]) {
		v -= vs[n-2]
	}
	return v / (float64(ts[n-1]-ts[n-2]) / 1000)
}

func idelta(_ []int64, vs []float64, _ int64) float64 { return vs[len(vs)-1] - vs[len(vs)-2] }

// Quantile returns the kernel of quantile_over_time, whose first argument is
// the quantile.
func Quantile(dst []float64, ts []int64, vs []float64, w Windows, args [][]float64) {
	c, absent := cursor{ts: ts}, column.Absent()
	var scratch []float64
	for i := range dst {
		end := w.End(i)
		c.seek(end-w.Range, end)
		if c.hi == c.lo {
			dst[i] = absent
			continue
		}
		scratch = append(scratch[:0], vs[c.lo:c.hi]...)
		dst[i] = QuantileOf(args[0][i], scratch)
	}
}

// QuantileOf is the q-quantile of values, which it sorts: interpolated between
// the two nearest ranks, NaN for none, -Inf below 0, +Inf above 1. NaN values
// count as the smallest.
func QuantileOf(q float64, values []float64) float64 {
	switch {
	case len(values) == 0 || math.IsNaN(q):
		return math.NaN()
	case q < 0:
		return math.Inf(-1)
	case q > 1:
		return math.Inf(1)
	}
	sort.Float64s(values) // NaN first, as in Prometheus
	n := float64(len(values))
	rank := q * (n - 1)
	lower := math.Max(0, math.Floor(rank))
	upper := math.Min(n-1, lower+1)
	weight := rank - math.Floor(rank)
	if weight == 0 {
		return values[int(lower)]
	}
	return values[int(lower)]*(1-weight) + values[int(upper)]*weight
}

// Mad is the kernel of mad_over_time.
func Mad(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) {
	var scratch []float64
	perWindow(1, func(_ []int64, vs []float64, _ int64) float64 {
		for _, v := range vs {
			if v != v {
				return math.NaN()
			}
		}
		scratch = append(scratch[:0], vs...)
		median := QuantileOf(0.5, scratch)
		for i, v := range scratch {
			scratch[i] = math.Abs(v - median)
		}
		return QuantileOf(0.5, scratch)
	})(dst, ts, vs, w, nil)
}
