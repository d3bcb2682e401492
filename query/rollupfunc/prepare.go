package rollupfunc

import "math"

// WithoutResets rewrites the values of a counter in place as if it had never
// been reset. A drop by less than an eighth is a correction of the counter, not
// a restart, and is left out of the total.
func WithoutResets(values []float64) {
	var lost float64
	for i, before := 0, math.NaN(); i < len(values); i++ {
		v := values[i]
		if math.IsNaN(v) {
			continue
		}
		if d := v - before; d < 0 {
			if -d*8 < before {
				lost -= d
			} else {
				lost += before
			}
		}
		before = v
		values[i] = v + lost
		if i > 0 && values[i] < values[i-1] { // rounding
			values[i] = values[i-1]
		}
	}
}

// Deltas rewrites values in place as the distance to the next one; the last is
// the one before it again.
func Deltas(values []float64) {
	if len(values) == 0 {
		return
	}
	var d float64
	for i := range len(values) - 1 {
		d = values[i+1] - values[i]
		values[i] = d
	}
	values[len(values)-1] = d
}

// Slopes is Deltas by second. Samples of one time have the slope before them.
func Slopes(times []int64, values []float64) {
	if len(values) == 0 {
		return
	}
	var slope float64
	from, v := times[0], values[0]
	for i := range len(values) - 1 {
		if next := times[i+1]; next != from {
			slope = (values[i+1] - v) / seconds(next-from)
			from, v = next, values[i+1]
		}
		values[i] = slope
	}
	values[len(values)-1] = slope
}

// Intervals rewrites values in place as the seconds since the sample before;
// the first is as the second.
func Intervals(times []int64, values []float64) {
	for i := range values {
		values[i] = math.NaN()
		if i > 0 {
			values[i] = float64(times[i])/1000 - float64(times[i-1])/1000
		}
	}
	if len(values) > 1 {
		values[0] = values[1]
	}
}

// Resets and Changes are WithoutResets and Deltas as they are done to samples.
func Resets(_ []int64, values []float64)  { WithoutResets(values) }
func Changes(_ []int64, values []float64) { Deltas(values) }

func seconds(ms int64) float64 { return float64(ms) / 1000 }
