package rollupfunc

import (
	"math"
	"slices"
)

// Window is what a function sees of a series at one point of the grid. Times
// are Unix milliseconds, ascending.
//
//	  Last/Prev   Times, Values       Next
//	------*----(----*----*----*---]----*---
//	         End-Width           End
type Window struct {
	Times  []int64
	Values []float64
	End    int64
	Width  int64
	// Prev is the sample before the window if it is no further before it than
	// samples usually are apart, NaN otherwise.
	Prev     float64
	PrevTime int64
	// Last is the sample before the window, however old, and Next the one
	// after it; NaN without.
	Last, Next float64
	// Point is the number of the point on the grid, from 0.
	Point int
}

// Func makes a number of a window; NaN is none. It keeps nothing of it.
type Func func(*Window) float64

// Spread makes several numbers of a window, each for a value of a label.
type Spread func(w *Window, emit func(label string, v float64))

// Grid is the points of an evaluation: Start, Start+Step, … up to End, in Unix
// milliseconds.
type Grid struct{ Start, End, Step int64 }

// Len is how many points a grid has.
func (g Grid) Len() int { return int((g.End-g.Start)/g.Step) + 1 }

// Time is the time of a point.
func (g Grid) Time(point int) int64 { return g.Start + int64(point)*g.Step }

// Instant is whether the grid is a single point.
func (g Grid) Instant() bool { return g.Start == g.End }

// Layout is how windows lie on a grid.
type Layout struct {
	Grid
	// Width is the window's length in milliseconds. 0 means the step, or more
	// where Widen is set and samples are further apart than that.
	Width int64
	Widen bool
}

// Each calls f for the window of every point of the grid. The window is reused.
func (l Layout) Each(times []int64, values []float64, f func(*Window)) {
	near := l.near(times)
	w := Window{Width: l.Width}
	if w.Width <= 0 {
		w.Width = l.Step
		if l.Widen {
			w.Width = max(w.Width, near)
		}
	}
	first, behind := 0, 0
	for p := range l.Len() {
		end := l.Time(p)
		for first < len(times) && times[first] <= end-w.Width {
			first++
		}
		behind = max(behind, first)
		for behind < len(times) && times[behind] <= end {
			behind++
		}
		w.Times, w.Values, w.End, w.Point = times[first:behind], values[first:behind], end, p
		w.Last, w.Next, w.Prev, w.PrevTime = math.NaN(), math.NaN(), math.NaN(), end-w.Width-near
		if first > 0 {
			w.Last = values[first-1]
			if first < len(times) && times[first-1] > w.PrevTime {
				w.Prev, w.PrevTime = values[first-1], times[first-1]
			}
		}
		if behind < len(values) {
			w.Next = values[behind]
		}
		f(&w)
	}
}

// Apply is the column of a function over the grid.
func (l Layout) Apply(times []int64, values []float64, f Func) []float64 {
	out := make([]float64, l.Len())
	l.Each(times, values, func(w *Window) { out[w.Point] = f(w) })
	return out
}

// near is how far before a window a sample still counts as the one before it:
// the step at a single time, else a little more than samples are apart.
func (l Layout) near(times []int64) int64 {
	if l.Instant() {
		return l.Step
	}
	return tolerate(interval(times, l.Step))
}

// interval estimates how far samples are apart, as the 0.6 quantile of the last
// 20 distances.
func interval(times []int64, otherwise int64) int64 {
	if len(times) < 2 {
		return otherwise
	}
	times = times[max(0, len(times)-21):]
	gaps := make([]float64, len(times)-1)
	for i := range gaps {
		gaps[i] = float64(times[i+1] - times[i])
	}
	if d := int64(Quantile(0.6, gaps)); d > 0 {
		return d
	}
	return otherwise
}

// tolerate stretches an interval, short ones more since they jitter more.
func tolerate(ms int64) int64 {
	switch {
	case ms <= 2_000:
		return 5 * ms
	case ms <= 4_000:
		return 3 * ms
	case ms <= 8_000:
		return 2 * ms
	case ms <= 16_000:
		return ms + ms/2
	case ms <= 32_000:
		return ms + ms/4
	}
	return ms + ms/8
}

// Quantile is the phi-quantile of the values that are not NaN, interpolated
// between ranks; NaN of none.
func Quantile(phi float64, values []float64) float64 {
	return ofSorted(phi, sorted(values))
}

// Quantiles is several of them.
func Quantiles(phis, values []float64) []float64 {
	ranked := sorted(values)
	out := make([]float64, len(phis))
	for i, phi := range phis {
		out[i] = ofSorted(phi, ranked)
	}
	return out
}

func sorted(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func ofSorted(phi float64, ranked []float64) float64 {
	switch {
	case len(ranked) == 0 || math.IsNaN(phi):
		return math.NaN()
	case phi < 0:
		return math.Inf(-1)
	case phi > 1:
		return math.Inf(1)
	}
	rank := phi * float64(len(ranked)-1)
	below := math.Floor(rank)
	i, weight := int(below), rank-below
	return ranked[i]*(1-weight) + ranked[min(i+1, len(ranked)-1)]*weight
}
