package rollupfunc

import (
	"math"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// nan is no value: what the evaluator takes for an absent cell.
var nan = column.Absent()

func (w *Window) empty() bool { return len(w.Values) == 0 }

func (w *Window) hasPrev() bool { return !math.IsNaN(w.Prev) }

// span is what a series moved through: the sample before the window and those
// in it. Without one before, the first of the window stands for it.
func (w *Window) span() (before float64, values []float64) {
	if w.hasPrev() || w.empty() {
		return w.Prev, w.Values
	}
	return w.Values[0], w.Values[1:]
}

func lastOf(values []float64) float64 { return values[len(values)-1] }

// Delta is how much a series changed. One that begins in the window is taken to
// begin at 0 if its first value is not much larger than its steps.
func delta(w *Window) float64 {
	before, values := w.Prev, w.Values
	if !w.hasPrev() {
		switch {
		case w.empty():
			return nan
		case !math.IsNaN(w.Last):
			return lastOf(values) - w.Last
		}
		if before = w.birth(); before != 0 {
			values = values[1:]
		}
	}
	if len(values) == 0 {
		return 0
	}
	return lastOf(values) - before
}

// birth is the value a series that begins in the window had before.
func (w *Window) birth() float64 {
	var step float64
	if len(w.Values) > 1 {
		step = w.Values[1] - w.Values[0]
	} else if !math.IsNaN(w.Next) {
		step = w.Next - w.Values[0]
	}
	if math.Abs(w.Values[0]) < 10*(math.Abs(step)+1) {
		return 0
	}
	return w.Values[0]
}

func increasePure(w *Window) float64 {
	before := w.Prev
	if !w.hasPrev() {
		if w.empty() {
			return nan
		}
		before = 0
		if !math.IsNaN(w.Last) {
			before = w.Last
		}
	}
	if w.empty() {
		return 0
	}
	return lastOf(w.Values) - before
}

func deltaPrometheus(w *Window) float64 {
	if len(w.Values) < 2 {
		return nan
	}
	return lastOf(w.Values) - w.Values[0]
}

func ratePrometheus(w *Window) float64 {
	if w.Width == 0 {
		return nan
	}
	return deltaPrometheus(w) / seconds(w.Width)
}

func idelta(w *Window) float64 {
	switch n := len(w.Values); {
	case n == 0 && !w.hasPrev():
		return nan
	case n == 0:
		return 0
	case n > 1:
		return w.Values[n-1] - w.Values[n-2]
	case w.hasPrev():
		return w.Values[0] - w.Prev
	}
	return w.Values[0]
}

// rate is the slope between the sample before the window and its last.
func rate(w *Window) float64 {
	before, at := w.Prev, w.PrevTime
	if !w.hasPrev() {
		if len(w.Values) < 2 {
			return nan
		}
		before, at = w.Values[0], w.Times[0]
	}
	if w.empty() {
		return 0
	}
	return (lastOf(w.Values) - before) / seconds(w.Times[len(w.Times)-1]-at)
}

// irate is the slope between the last two samples of different times.
func irate(w *Window) float64 {
	n := len(w.Values)
	if n == 0 || n == 1 && !w.hasPrev() {
		return nan
	}
	v, at := w.Values[n-1], w.Times[n-1]
	i := n - 2
	for i >= 0 && w.Times[i] >= at {
		i--
	}
	switch {
	case i >= 0:
		return (v - w.Values[i]) / seconds(at-w.Times[i])
	case !w.hasPrev():
		return 0
	}
	return (v - w.Prev) / seconds(at-w.PrevTime)
}

func derivSlow(w *Window) float64 {
	_, slope := Regression(w.Times, w.Values, w.End)
	return slope
}

// Regression is the least-squares line through values: its value at a time, and
// its slope by second.
func Regression(times []int64, values []float64, at int64) (value, slope float64) {
	if len(values) == 0 {
		return nan, nan
	}
	constant := true
	for _, v := range values[1:] {
		constant = constant && v == values[0]
	}
	if constant {
		return values[0], 0
	}
	var n, sv, st, stv, stt float64
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		t := seconds(times[i] - at)
		n, sv, st, stv, stt = n+1, sv+v, st+t, stv+t*v, stt+t*t
	}
	if n == 0 {
		return nan, nan
	}
	if d := stt - st*st/n; math.Abs(d) >= 1e-6 {
		slope = (stv - st*sv/n) / d
	}
	return sv/n - slope*st/n, slope
}

// same is whether two values differ by no more than rounding.
func same(a, b float64) bool { return a == b || math.Abs(b-a) < 1e-12*math.Abs(b) }

// moves counts the steps of a series that count says to.
func (w *Window) moves(count func(from, to float64) bool) float64 {
	if w.empty() && !w.hasPrev() {
		return nan
	}
	n := 0
	before, values := w.span()
	for _, v := range values {
		if count(before, v) && !same(before, v) {
			n++
		}
		before = v
	}
	return float64(n)
}

func increases(w *Window) float64 {
	return w.moves(func(from, to float64) bool { return to > from })
}

func decreases(w *Window) float64 {
	return w.moves(func(from, to float64) bool { return to < from })
}

// changes counts different values in a row. A series that begins in the window
// changed by that.
func changes(w *Window) float64 {
	before, values, n := w.Prev, w.Values, 0
	if !w.hasPrev() {
		switch {
		case w.empty():
			return nan
		case !math.IsNaN(w.Last):
			before = w.Last
		default:
			before, values, n = values[0], values[1:], 1
		}
	}
	return float64(n + changed(before, values))
}

func changesPrometheus(w *Window) float64 {
	if w.empty() {
		return nan
	}
	return float64(changed(w.Values[0], w.Values[1:]))
}

func changed(before float64, values []float64) (n int) {
	for _, v := range values {
		if !same(before, v) {
			n++
			before = v
		}
	}
	return n
}

// climb sums the steps in one direction.
func (w *Window) climb(sign float64) float64 {
	if w.empty() && !w.hasPrev() {
		return nan
	}
	var sum float64
	before, values := w.span()
	for _, v := range values {
		sum += max(0, sign*(v-before))
		before = v
	}
	return sum
}

func ascent(w *Window) float64  { return w.climb(1) }
func descent(w *Window) float64 { return w.climb(-1) }

// integrate is the area below the steps of a series, in seconds.
func integrate(w *Window) float64 {
	v, at, times, values := w.Prev, w.End-w.Width, w.Times, w.Values
	if !w.hasPrev() {
		if w.empty() {
			return nan
		}
		v, at, times, values = values[0], times[0], times[1:], values[1:]
	}
	var area float64
	for i := range values {
		area += v * seconds(times[i]-at)
		v, at = values[i], times[i]
	}
	if !math.IsNaN(w.Next) {
		area += v * seconds(w.End-at)
	}
	return area
}
