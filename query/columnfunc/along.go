package columnfunc

import (
	"math"

	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// Along is a function that rewrites a column in place.
func Along(name string) (func(column []float64), bool) {
	f, ok := along[name]
	return f, ok
}

var along = map[string]func([]float64){
	"interpolate":     interpolate,
	"keep_last_value": keepLast,
	"keep_next_value": keepNext,
	"range_avg":       func(c []float64) { running(c, runningAvg); spreadLast(c) },
	"range_max":       func(c []float64) { running(c, runningMax); spreadLast(c) },
	"range_min":       func(c []float64) { running(c, runningMin); spreadLast(c) },
	"range_sum":       func(c []float64) { running(c, runningSum); spreadLast(c) },
	"range_first":     spreadFirst,
	"range_last":      spreadLast,
	"range_mad":       func(c []float64) { fill(c, rollupfunc.MAD(c)) },
	"range_stddev":    func(c []float64) { fill(c, rollupfunc.Deviation(c)) },
	"range_stdvar":    func(c []float64) { fill(c, rollupfunc.Variance(c)) },
	"range_zscore":    zscores,
	"remove_resets":   rollupfunc.WithoutResets,
	"running_avg":     func(c []float64) { running(c, runningAvg) },
	"running_max":     func(c []float64) { running(c, runningMax) },
	"running_min":     func(c []float64) { running(c, runningMin) },
	"running_sum":     func(c []float64) { running(c, runningSum) },
}

func runningAvg(a, v float64, n int) float64 { return a + (v-a)/float64(n+1) }
func runningSum(a, v float64, _ int) float64 { return a + v }
func runningMax(a, v float64, _ int) float64 { return math.Max(a, v) }
func runningMin(a, v float64, _ int) float64 { return math.Min(a, v) }

// running replaces each value by what f makes of the ones so far. n counts the
// points since the first value, gaps included; a gap repeats what was before.
func running(c []float64, f func(sofar, v float64, n int) float64) {
	c = c[leading(c):]
	for i := 1; i < len(c); i++ {
		if math.IsNaN(c[i]) {
			c[i] = c[i-1]
		} else {
			c[i] = f(c[i-1], c[i], i)
		}
	}
}

// leading is how many points a column has before its first value.
func leading(c []float64) int {
	i := 0
	for i < len(c) && math.IsNaN(c[i]) {
		i++
	}
	return i
}

// trailing is the index after the last value.
func trailing(c []float64) int {
	i := len(c)
	for i > 0 && math.IsNaN(c[i-1]) {
		i--
	}
	return i
}

func fill(c []float64, v float64) {
	for i := range c {
		c[i] = v
	}
}

func spreadFirst(c []float64) {
	if i := leading(c); i < len(c) {
		fill(c, c[i])
	}
}

func spreadLast(c []float64) {
	if i := trailing(c); i > 0 {
		fill(c, c[i-1])
	}
}

func keepLast(c []float64) {
	for i := 1; i < len(c); i++ {
		if math.IsNaN(c[i]) {
			c[i] = c[i-1]
		}
	}
}

func keepNext(c []float64) {
	for i := len(c) - 2; i >= 0; i-- {
		if math.IsNaN(c[i]) {
			c[i] = c[i+1]
		}
	}
}

// interpolate draws straight lines through gaps between values.
func interpolate(c []float64) {
	before := leading(c)
	for i := before; i < trailing(c); i++ {
		if math.IsNaN(c[i]) {
			continue
		}
		step := (c[i] - c[before]) / float64(i-before)
		for k := before + 1; k < i; k++ {
			c[k] = c[k-1] + step
		}
		before = i
	}
}

// mean is of the values that are there.
func mean(c []float64) float64 {
	var sum, n float64
	for _, v := range c {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / n
}

func zscores(c []float64) {
	m, d := mean(c), rollupfunc.Deviation(c)
	for i, v := range c {
		c[i] = (v - m) / d
	}
}

// Trim removes values; what it removes depends on one number.
func Trim(name string) (func(x float64, column []float64), bool) {
	f, ok := trims[name]
	return f, ok
}

var trims = map[string]func(x float64, c []float64){
	"range_trim_outliers": func(k float64, c []float64) {
		most, median := k*rollupfunc.MAD(c), rollupfunc.Quantile(0.5, c)
		drop(c, func(v float64) bool { return math.Abs(v-median) > most })
	},
	"range_trim_spikes": func(phi float64, c []float64) {
		bounds := rollupfunc.Quantiles([]float64{phi / 2, 1 - phi/2}, c)
		drop(c, func(v float64) bool { return v > bounds[1] || v < bounds[0] })
	},
	"range_trim_zscore": func(z float64, c []float64) {
		m, d := mean(c), rollupfunc.Deviation(c)
		drop(c, func(v float64) bool { return math.Abs(v-m)/d > math.Abs(z) })
	},
	"range_quantile": func(phi float64, c []float64) {
		if trailing(c) > 0 {
			fill(c, rollupfunc.Quantile(phi, c))
		}
	},
}

func drop(c []float64, if0 func(float64) bool) {
	for i, v := range c {
		if if0(v) {
			c[i] = nan
		}
	}
}

// Normalize moves a column into [0,1]; not ok if it has no values to do so by.
func Normalize(c []float64) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range c {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	d := high - low
	if math.IsInf(d, 0) {
		return false
	}
	for i, v := range c {
		c[i] = (v - low) / d
	}
	return true
}

// LinearRegression replaces a column by the line through it.
func LinearRegression(times []int64, c []float64) {
	if len(c) == 0 {
		return
	}
	v, slope := rollupfunc.Regression(times, c, times[0])
	for i, t := range times {
		c[i] = v + slope*float64(t-times[0])/1e3
	}
}

// SmoothExponential replaces each value by a mix of it and what was before;
// factors, one by point, is the share of the new. Infinite values count as none.
func SmoothExponential(c, factors []float64) {
	i := 0
	for i < len(c) && (math.IsNaN(c[i]) || math.IsInf(c[i], 0)) {
		i++
	}
	if i >= len(c) {
		return
	}
	level := c[i]
	for i++; i < len(c); i++ {
		switch {
		case math.IsNaN(c[i]):
			continue
		case !math.IsInf(c[i], 0):
			share := 1.0
			if f := factors[i]; !math.IsNaN(f) {
				share = Clamp(f, 0, 1)
			}
			level = level*(1-share) + c[i]*share
		}
		c[i] = level
	}
}
