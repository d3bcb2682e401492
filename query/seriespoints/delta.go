package seriespoints

import (
	"slices"

	"github.com/prometheus/prometheus/storage"
)

// deltaMode says how the deltas of a series are shown to the function that
// reads them.
type deltaMode uint8

const (
	deltaRaw    deltaMode = iota // as sent
	deltaTotal                   // running total, with the start of each interval
	deltaWindow                  // running total, pinned to the edges of every window
)

// AsSent tells whether the reader of a select sees deltas as they were sent.
func AsSent(h *storage.SelectHints) bool { return deltaModeOf(h) == deltaRaw }

func deltaModeOf(h *storage.SelectHints) deltaMode {
	if h == nil {
		return deltaRaw
	}
	switch h.Func {
	case "rate", "increase":
		if h.Range > 0 {
			return deltaWindow
		}
	case "irate", "delta", "idelta", "deriv", "resets":
		return deltaTotal
	}
	return deltaRaw
}

// curve is a step function over the points of a delta series: at times[i] the
// first upto[i] deltas have happened.
type curve struct {
	times []int64
	upto  []int
}

// totalCurve is the running total of deltas that end at ts and began at start
// (both Unix ms, start 0 when unknown). A point is added where an interval
// begins after the one before it ended, so that two neighbouring points always
// span exactly the time in which the difference happened.
//
//	deltas   |---3---|      |---2---|
//	curve    0       3      3       5
func totalCurve(ts, start []int64) curve {
	c := curve{times: make([]int64, 0, len(ts)+1), upto: make([]int, 0, len(ts)+1)}
	for i, t := range ts {
		begins := start[i] > 0 && start[i] < t && (i == 0 || start[i] > ts[i-1])
		if begins {
			c.add(start[i], i)
		}
		c.add(t, i+1)
	}
	return c
}

// windowCurve is the running total with points at both edges of every window
// that holds a delta. Prometheus's rate extrapolates from the first and last
// sample to the edges of the window; with a sample at the edges nothing is left
// to extrapolate, and the increase is the sum of the deltas that ended inside.
//
//	window   (left                    right]
//	deltas        |---3---|    |-2-|
//	curve     0           3        5  5
func windowCurve(ts []int64, h *storage.SelectHints) curve {
	edges := windowEdges(ts, h)
	c := curve{times: make([]int64, 0, len(ts)+len(edges)), upto: make([]int, 0, len(ts)+len(edges))}
	i := 0
	for _, e := range edges {
		for ; i < len(ts) && ts[i] <= e; i++ {
			c.add(ts[i], i+1)
		}
		c.add(e, i)
	}
	for ; i < len(ts); i++ {
		c.add(ts[i], i+1)
	}
	return c
}

// add appends a point; a point at a time already there is the earlier one.
func (c *curve) add(t int64, upto int) {
	if n := len(c.times); n > 0 && c.times[n-1] == t {
		c.upto[n-1] = max(c.upto[n-1], upto)
		return
	}
	c.times = append(c.times, t)
	c.upto = append(c.upto, upto)
}

// windowEdges lists the first and last millisecond of every window of the
// select that holds a delta, sorted. Windows lie on the grid of the query and,
// for a subquery, on multiples of its step; hints do not tell which it is, and
// an edge too many does not change a sum.
func windowEdges(ts []int64, h *storage.SelectHints) []int64 {
	if len(ts) == 0 {
		return nil
	}
	var edges []int64
	windows := func(right int64) {
		for ; right <= h.End; right += h.Step {
			left := right - h.Range + 1
			i, _ := slices.BinarySearch(ts, left)
			if i < len(ts) && ts[i] <= right {
				edges = append(edges, left, right)
			}
			if h.Step <= 0 {
				return
			}
		}
	}
	first := h.Start + h.Range - 1
	windows(first)
	if h.Step > 0 && first%h.Step != 0 {
		windows(first - first%h.Step + h.Step)
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}
