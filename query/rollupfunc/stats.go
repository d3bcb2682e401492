package rollupfunc

import (
	"math"
	"slices"
)

// fold makes one number of the values of a window, NaN of none.
func fold(f func(values []float64) float64) Func {
	return func(w *Window) float64 {
		if w.empty() {
			return nan
		}
		return f(w.Values)
	}
}

func sum(values []float64) float64 {
	var s float64
	for _, v := range values {
		s += v
	}
	return s
}

func sum2(values []float64) float64 {
	var s float64
	for _, v := range values {
		s += v * v
	}
	return s
}

func avg(values []float64) float64 { return sum(values) / float64(len(values)) }

func lowest(values []float64) float64 {
	m := values[0]
	for _, v := range values {
		if v < m {
			m = v
		}
	}
	return m
}

func highest(values []float64) float64 {
	m := values[0]
	for _, v := range values {
		if v > m {
			m = v
		}
	}
	return m
}

func geomean(values []float64) float64 {
	p := 1.0
	for _, v := range values {
		p *= v
	}
	return math.Pow(p, 1/float64(len(values)))
}

// Variance is the population variance of the values that are not NaN, by
// Welford's method; NaN of none.
func Variance(values []float64) float64 {
	var n, mean, squares float64
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		n++
		d := v - mean
		mean += d / n
		squares += d * (v - mean)
	}
	if n == 0 {
		return nan
	}
	return squares / n
}

// Deviation is the square root of Variance.
func Deviation(values []float64) float64 { return math.Sqrt(Variance(values)) }

// MAD is the median of the distances from the median.
func MAD(values []float64) float64 {
	median := Quantile(0.5, values)
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - median)
	}
	return Quantile(0.5, distances)
}

func distinct(values []float64) float64 {
	seen := make(map[float64]struct{}, len(values))
	for _, v := range values {
		seen[v] = struct{}{}
	}
	return float64(len(seen))
}

// Mode is the value that is there most often, the smallest of several; before,
// unless it is NaN, is one more candidate. It sorts values.
func Mode(before float64, values []float64) float64 {
	if len(values) == 0 {
		return before
	}
	slices.Sort(values)
	candidate, mode, start, most := before, before, -1, 0
	for i, v := range values {
		if v == candidate {
			continue
		}
		if n := i - start; n > most || math.IsNaN(mode) {
			most, mode = n, candidate
		}
		start, candidate = i, v
	}
	if n := len(values) - start; n > most || math.IsNaN(mode) {
		mode = candidate
	}
	return mode
}

func mode(w *Window) float64 { return Mode(w.Prev, slices.Clone(w.Values)) }

// Fences are the bounds beyond which a value is an outlier, one and a half
// interquartile ranges from the quartiles.
func Fences(values []float64) (low, high float64) {
	q := Quantiles([]float64{0.25, 0.75}, values)
	reach := 1.5 * (q[1] - q[0])
	return q[0] - reach, q[1] + reach
}

func outlierIQR(w *Window) float64 {
	if len(w.Values) < 2 {
		return nan
	}
	low, high := Fences(w.Values)
	if v := lastOf(w.Values); v < low || v > high {
		return v
	}
	return nan
}

func zscore(w *Window) float64 {
	interval, age := scrapeInterval(w), lag(w)
	if math.IsNaN(interval) || math.IsNaN(age) || age > interval {
		return nan
	}
	if w.empty() {
		return nan
	}
	d := lastOf(w.Values) - avg(w.Values)
	if d == 0 {
		return 0
	}
	return d / Deviation(w.Values)
}

// hoeffding is the mean and how far it may be off with probability phi.
func hoeffding(values []float64, phi float64) (mean, bound float64) {
	mean = avg(values)
	reach := highest(values) - lowest(values)
	switch {
	case len(values) == 1:
		return values[0], 0
	case reach <= 0, phi <= 0:
		return mean, 0
	case phi >= 1:
		return mean, math.Inf(1)
	}
	return mean, reach * math.Sqrt(math.Log(1/(1-phi))/(2*float64(len(values))))
}
