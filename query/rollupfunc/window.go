package rollupfunc

import (
	"math"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/rollup"
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

// Kernel is a function as the evaluator runs it.
//
//go:noinline
func (f Func) Kernel() rollup.Kernel {
	return func(dst []float64, ts []int64, vs []float64, w rollup.Windows, _ [][]float64) {
		Each(ts, vs, w, func(one *Window) { dst[one.Point] = f(one) })
	}
}

// Widened is a kernel whose windows are widened to Width.
//
//go:noinline
func Widened(k rollup.Kernel) rollup.Kernel {
	return func(dst []float64, ts []int64, vs []float64, w rollup.Windows, args [][]float64) {
		w.Range = Width(ts, w)
		k(dst, ts, vs, w, args)
	}
}

// Width is the length of windows that are as long as samples are apart, if they are shorter than that.
func Width(ts []int64, w rollup.Windows) int64 { return max(w.Range, near(ts, w)) }

// Prepare rewrites the samples of a series before a kernel sees them.
type Prepare func(ts []int64, vs []float64)

// Prepared is a kernel of samples that are prepared.
//
//go:noinline
func Prepared(p Prepare, k rollup.Kernel) rollup.Kernel {
	return func(dst []float64, ts []int64, vs []float64, w rollup.Windows, args [][]float64) {
		p(ts, vs)
		k(dst, ts, vs, w, args)
	}
}

// Each calls f with each of the windows, which is reused.
func Each(times []int64, values []float64, windows rollup.Windows, f func(*Window)) {
	v := view{times: times, values: values, around: near(times, windows), width: windows.Range}
	for p := range windows.N {
		v.move(windows.End(p))
		f(v.window(p))
	}
}

// view is the windows of a series, one after the other. Its samples are [first,behind).
type view struct {
	times         []int64
	values        []float64
	around, width int64
	end           int64
	first, behind int
	w             Window
}

// move moves to the window that ends at a time, which is not before the one that it is at.
func (v *view) move(end int64) {
	v.end = end
	for v.first < len(v.times) && v.times[v.first] <= end-v.width {
		v.first++
	}
	v.behind = max(v.behind, v.first)
	for v.behind < len(v.times) && v.times[v.behind] <= end {
		v.behind++
	}
}

// window is the window that it is at, which is that of the p-th point.
func (v *view) window(p int) *Window {
	w := &v.w
	w.Times, w.Values, w.End, w.Width, w.Point = v.times[v.first:v.behind], v.values[v.first:v.behind], v.end, v.width, p
	w.Last, w.Next, w.Prev, w.PrevTime = nan, nan, nan, v.end-v.width-v.around
	if v.first > 0 {
		w.Last = v.values[v.first-1]
		if v.first < len(v.times) && v.times[v.first-1] > w.PrevTime {
			w.Prev, w.PrevTime = v.values[v.first-1], v.times[v.first-1]
		}
	}
	if v.behind < len(v.values) {
		w.Next = v.values[v.behind]
	}
	return w
}

// near is how far before a window a sample still counts as the one before it:
// the step at a single time, else a little more than samples are apart.
func near(times []int64, w rollup.Windows) int64 {
	if w.N == 1 || w.Step == 0 {
		return w.Every
	}
	return tolerate(interval(times, w.Every))
}

// lastGaps is how many distances between samples an interval is estimated of, and tail how many samples that are.
const (
	lastGaps = 20
	tail     = lastGaps + 1
)

// interval estimates how far samples are apart, as the 0.6 quantile of the last
// distances.
func interval(times []int64, otherwise int64) int64 {
	if len(times) < 2 {
		return otherwise
	}
	times = times[max(0, len(times)-tail):]
	var room [lastGaps]float64
	gaps := room[:len(times)-1]
	for i := range gaps {
		gaps[i] = float64(times[i+1] - times[i])
	}
	slices.Sort(gaps)
	if d := int64(ofSorted(0.6, gaps)); d > 0 {
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
