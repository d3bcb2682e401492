package seriespoints

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/value"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

// explicit holds the points of one explicit-bucket histogram series, columnar
// and sorted by time. It is read as many classic series, each made only when it
// is asked for.
type explicit struct {
	times, start []int64
	stale        []bool // no recorded value
	hasSum       []bool
	count        []float64
	sum          []float64
	layouts      [][]float64 // distinct bounds, without +Inf
	layout       []int       // per point, index into layouts
	below        [][]float64 // per point, cumulative counts, one per bound
}

// add appends a point, whose slices are not kept.
func (e *explicit) add(p *histcol.Point) {
	e.times = append(e.times, p.Time)
	e.start = append(e.start, p.Start)
	e.stale = append(e.stale, p.Flags&histcol.NoRecordedValue != 0)
	e.hasSum = append(e.hasSum, p.Flags&histcol.HasSum != 0)
	e.count = append(e.count, p.Number(p.Count))
	e.sum = append(e.sum, p.Sum)
	bounds := withoutInf(p.Bounds) // the +Inf bucket is the count
	e.layout = append(e.layout, e.layoutOf(bounds))
	below := make([]float64, min(len(bounds), len(p.Counts)))
	var total uint64
	var fraction float64
	for i := range below {
		if p.Flags&histcol.FloatCounts != 0 {
			fraction += p.Number(p.Counts[i])
			below[i] = fraction
			continue
		}
		total += p.Counts[i]
		below[i] = float64(total)
	}
	e.below = append(e.below, below)
}

func withoutInf(bounds []float64) []float64 {
	if n := len(bounds); n > 0 && math.IsInf(bounds[n-1], 1) {
		return bounds[:n-1]
	}
	return bounds
}

func (e *explicit) layoutOf(bounds []float64) int {
	if n := len(e.layout); n > 0 && slices.Equal(e.layouts[e.layout[n-1]], bounds) {
		return e.layout[n-1]
	}
	for i, l := range e.layouts {
		if slices.Equal(l, bounds) {
			return i
		}
	}
	e.layouts = append(e.layouts, slices.Clone(bounds))
	return len(e.layouts) - 1
}

// bounds lists every bound any point has, ascending, then +Inf.
func (e *explicit) bounds() []float64 {
	var all []float64
	for _, l := range e.layouts {
		all = append(all, l...)
	}
	slices.Sort(all)
	return append(slices.Compact(all), math.Inf(1))
}

// Bounds lists the bounds of the buckets that points of several layouts come to,
// ascending, +Inf among them.
func Bounds(layouts [][]float64) []float64 {
	var e explicit
	for _, bounds := range layouts {
		e.layoutOf(withoutInf(bounds))
	}
	return e.bounds()
}

// deltas are the values of one classic series of the histogram: points without
// the value are left out, or marked stale where the value has just gone.
type deltas struct {
	times, start []int64
	values       []float64
}

// series collects one value of every point; ok false means the point has none.
func (e *explicit) series(at func(i int) (v float64, ok bool)) deltas {
	n := len(e.times)
	d := deltas{make([]int64, 0, n), make([]int64, 0, n), make([]float64, 0, n)}
	live := false
	for i := range n {
		v, ok := at(i)
		if e.stale[i] || (!ok && live) {
			v, ok = math.Float64frombits(value.StaleNaN), true
			live = false
		} else {
			live = ok
		}
		if ok {
			d.times = append(d.times, e.times[i])
			d.start = append(d.start, e.start[i])
			d.values = append(d.values, v)
		}
	}
	return d
}

// bucket is the series _bucket{le="bound"}.
func (e *explicit) bucket(bound float64) deltas {
	if math.IsInf(bound, 1) {
		return e.counts()
	}
	index := make([]int, len(e.layouts))
	for i, l := range e.layouts {
		at, ok := slices.BinarySearch(l, bound)
		if !ok {
			at = -1
		}
		index[i] = at
	}
	return e.series(func(i int) (float64, bool) {
		at := index[e.layout[i]]
		if at < 0 || at >= len(e.below[i]) {
			return 0, false
		}
		return e.below[i][at], true
	})
}

// counts is the series _count.
func (e *explicit) counts() deltas {
	return e.series(func(i int) (float64, bool) { return e.count[i], true })
}

// sums is the series _sum; points sent without a sum are left out.
func (e *explicit) sums() deltas {
	return e.series(func(i int) (float64, bool) { return e.sum[i], e.hasSum[i] })
}
