package columnfunc

import (
	"cmp"
	"math"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// Across is a function of the values that a group has at one point, which are
// never none and never NaN.
func Across(name string) (func(values []float64) float64, bool) {
	f, ok := across[name]
	return f, ok
}

var across = map[string]func([]float64) float64{
	"sum":   sum,
	"count": func(v []float64) float64 { return float64(len(v)) },
	"avg":   func(v []float64) float64 { return sum(v) / float64(len(v)) },
	"group": func([]float64) float64 { return 1 },
	"min":   slices.Min[[]float64],
	"max":   slices.Max[[]float64],
	"sum2": func(v []float64) float64 {
		var s float64
		for _, x := range v {
			s += x * x
		}
		return s
	},
	"geomean": func(v []float64) float64 {
		if len(v) == 1 {
			return v[0]
		}
		p := 1.0
		for _, x := range v {
			p *= x
		}
		return math.Pow(p, 1/float64(len(v)))
	},
	"stddev": rollupfunc.Deviation,
	"stdvar": rollupfunc.Variance,
	"median": func(v []float64) float64 { return rollupfunc.Quantile(0.5, v) },
	"mad":    rollupfunc.MAD,
	"mode":   func(v []float64) float64 { return rollupfunc.Mode(nan, v) },
	"distinct": func(v []float64) float64 {
		slices.Sort(v)
		return float64(len(slices.Compact(v)))
	},
}

func sum(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s
}

// Reduce makes one column of those of a group.
func Reduce(columns [][]float64, f func(values []float64) float64) []float64 {
	out := make([]float64, len(columns[0]))
	EachPoint(columns, func(p int, values []float64) {
		out[p] = nan
		if len(values) > 0 {
			out[p] = f(values)
		}
	})
	return out
}

// EachPoint calls f with the values that columns have at each point. The slice
// is reused.
func EachPoint(columns [][]float64, f func(p int, values []float64)) {
	values := make([]float64, 0, len(columns))
	for p := range columns[0] {
		values = values[:0]
		for _, c := range columns {
			if !math.IsNaN(c[p]) {
				values = append(values, c[p])
			}
		}
		f(p, values)
	}
}

// Share replaces values by their share of the sum; negative ones count as none.
func Share(columns [][]float64) {
	for p := range columns[0] {
		var total float64
		for _, c := range columns {
			if c[p] >= 0 {
				total += c[p]
			}
		}
		for _, c := range columns {
			if c[p] >= 0 {
				c[p] /= total
			} else {
				c[p] = nan
			}
		}
	}
}

// ZScore replaces values by how many deviations they are from the mean.
func ZScore(columns [][]float64) {
	EachPoint(columns, func(p int, values []float64) {
		var m, n float64
		for _, v := range values {
			n++
			m += (v - m) / n
		}
		d := rollupfunc.Deviation(values)
		for _, c := range columns {
			c[p] = (c[p] - m) / d
		}
	})
}

// Outliers lists the columns that are outside of bounds at some point.
func Outliers(columns [][]float64, low, high []float64) []int {
	var out []int
	for i, c := range columns {
		for p, v := range c {
			if v < low[p] || v > high[p] {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// IQRBounds are the fences of the group at each point.
func IQRBounds(columns [][]float64) (low, high []float64) {
	low, high = make([]float64, len(columns[0])), make([]float64, len(columns[0]))
	EachPoint(columns, func(p int, values []float64) { low[p], high[p] = rollupfunc.Fences(values) })
	return low, high
}

// MADBounds are, at each point, the median of the group and tolerance times its
// MAD below and above.
func MADBounds(columns [][]float64, tolerance []float64) (low, high []float64) {
	low, high = make([]float64, len(columns[0])), make([]float64, len(columns[0]))
	EachPoint(columns, func(p int, values []float64) {
		median, reach := rollupfunc.Quantile(0.5, values), rollupfunc.MAD(values)*tolerance[p]
		low[p], high[p] = median-reach, median+reach
	})
	return low, high
}

// FromMedian is, for each column, the sum of the squares of its distances from
// the median of the group.
func FromMedian(columns [][]float64) []float64 {
	medians := Reduce(columns, across["median"])
	out := make([]float64, len(columns))
	for i, c := range columns {
		for p, v := range c {
			out[i] += (v - medians[p]) * (v - medians[p])
		}
	}
	return out
}

// Rank orders columns by their score: first those without, then from the
// smallest up or, reversed, from the largest down.
func Rank(scores []float64, reversed bool) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(scores[a], scores[b], reversed) })
	return order
}

func compare(a, b float64, reversed bool) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return cmp.Compare(absence(a), absence(b))
	case reversed:
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

func absence(v float64) int {
	if math.IsNaN(v) {
		return 0
	}
	return 1
}

// Score is a number for a whole column: max, min, avg, median or last.
func Score(name string) (func(column []float64) float64, bool) {
	f, ok := map[string]func([]float64) float64{
		"max": func(c []float64) float64 { return best(c, 1) },
		"min": func(c []float64) float64 { return best(c, -1) },
		"avg": mean,
		"median": func(c []float64) float64 {
			return rollupfunc.Quantile(0.5, c)
		},
		"last": func(c []float64) float64 {
			if i := trailing(c); i > 0 {
				return c[i-1]
			}
			return nan
		},
	}[name]
	return f, ok
}

func best(c []float64, sign float64) float64 {
	out := nan
	for _, v := range c {
		if math.IsNaN(out) || sign*v > sign*out {
			if !math.IsNaN(v) {
				out = v
			}
		}
	}
	return out
}
