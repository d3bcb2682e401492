package rollupfunc

import (
	"math"

	"github.com/prometheus/prometheus/model/value"
)

// Trait is what is special about a function.
type Trait uint8

const (
	Counter   Trait = 1 << iota // resets are removed before
	Widen                       // an implicit window grows until it holds samples
	Before                      // it looks at the sample before the window
	KeepsName                   // its values are of the metric's own kind
)

// traits are of all functions, those that Simple does not know included.
var traits = map[string]Trait{
	"ascent_over_time": Before, "changes": Before, "decreases_over_time": Before, "delta": Before, "deriv_fast": Before | Widen,
	"default_rollup": Before | Widen | KeepsName, "descent_over_time": Before, "idelta": Before, "ideriv": Before | Widen,
	"increase": Before | Counter, "increase_pure": Before | Counter, "increases_over_time": Before, "integrate": Before,
	"irate": Before | Counter | Widen, "lag": Before, "lifetime": Before, "rate": Before | Counter | Widen, "resets": Before,
	"rollup": Before | Widen | KeepsName, "rollup_candlestick": Before | Widen | KeepsName, "rollup_delta": Before,
	"rollup_deriv": Before | Widen, "rollup_increase": Before | Counter, "rollup_rate": Before | Counter | Widen,
	"rollup_scrape_interval": Before | Widen, "scrape_interval": Before | Widen, "tlast_change_over_time": Before,
	"deriv": Widen, "rate_over_sum": Widen, "timestamp": Widen,
	"increase_prometheus": Counter, "rate_prometheus": Counter,
	"avg_over_time": KeepsName, "first_over_time": KeepsName, "geomean_over_time": KeepsName, "hoeffding_bound_lower": KeepsName,
	"hoeffding_bound_upper": KeepsName, "holt_winters": KeepsName, "last_over_time": KeepsName,
	"max_over_time": KeepsName, "median_over_time": KeepsName, "min_over_time": KeepsName, "mode_over_time": KeepsName,
	"predict_linear": KeepsName, "quantile_over_time": KeepsName, "quantiles_over_time": KeepsName, "timestamp_with_name": KeepsName,
}

// Is tells whether a function has a trait.
func Is(name string, t Trait) bool { return traits[name]&t != 0 }

// Simple is a function of a window alone.
func Simple(name string) (Func, bool) {
	f, ok := simple[name]
	return f, ok
}

var last = fold(lastOf)

var simple = map[string]Func{
	"absent_over_time": func(w *Window) float64 {
		if w.empty() {
			return 1
		}
		return nan
	},
	"ascent_over_time":        ascent,
	"avg_over_time":           fold(avg),
	"changes":                 changes,
	"changes_prometheus":      changesPrometheus,
	"count_over_time":         fold(func(v []float64) float64 { return float64(len(v)) }),
	"decreases_over_time":     decreases,
	"default_rollup":          last,
	"delta":                   delta,
	"delta_prometheus":        deltaPrometheus,
	"deriv":                   derivSlow,
	"deriv_fast":              rate,
	"descent_over_time":       descent,
	"distinct_over_time":      fold(distinct),
	"first_over_time":         fold(func(v []float64) float64 { return v[0] }),
	"geomean_over_time":       fold(geomean),
	"idelta":                  idelta,
	"ideriv":                  irate,
	"increase":                delta,
	"increase_prometheus":     deltaPrometheus,
	"increase_pure":           increasePure,
	"increases_over_time":     increases,
	"integrate":               integrate,
	"irate":                   irate,
	"lag":                     lag,
	"last_over_time":          last,
	"lifetime":                lifetime,
	"mad_over_time":           fold(MAD),
	"max_over_time":           fold(highest),
	"median_over_time":        fold(func(v []float64) float64 { return Quantile(0.5, v) }),
	"min_over_time":           fold(lowest),
	"mode_over_time":          mode,
	"outlier_iqr_over_time":   outlierIQR,
	"present_over_time":       fold(func([]float64) float64 { return 1 }),
	"range_over_time":         fold(func(v []float64) float64 { return highest(v) - lowest(v) }),
	"rate":                    rate,
	"rate_over_sum":           rateOverSum,
	"rate_prometheus":         ratePrometheus,
	"resets":                  decreases,
	"scrape_interval":         scrapeInterval,
	"stale_samples_over_time": fold(stale),
	"stddev_over_time":        fold(Deviation),
	"stdvar_over_time":        fold(Variance),
	"sum_over_time":           fold(sum),
	"sum2_over_time":          fold(sum2),
	"tfirst_over_time":        firstTime,
	"timestamp":               lastTime,
	"timestamp_with_name":     lastTime,
	"tlast_change_over_time":  lastChange,
	"tlast_over_time":         lastTime,
	"tmax_over_time":          timeOf(func(v, best float64) bool { return v >= best }),
	"tmin_over_time":          timeOf(func(v, best float64) bool { return v <= best }),
	"zscore_over_time":        zscore,
}

// Candle is a part of rollup_candlestick: open, close, high or low.
func Candle(part string) (Func, bool) {
	f, ok := map[string]Func{"open": candleOpen, "close": candleClose, "high": candleMost(highest), "low": candleMost(lowest)}[part]
	return f, ok
}

func stale(values []float64) float64 {
	n := 0
	for _, v := range values {
		if value.IsStaleNaN(v) {
			n++
		}
	}
	return float64(n)
}

// With is a function of a window and of numbers, one by point of the grid for
// each further argument; args is how many.
type With struct {
	Args int
	Make func(args [][]float64) Func
}

// Parametric is a function that has arguments beside the series.
func Parametric(name string) (With, bool) {
	f, ok := parametric[name]
	return f, ok
}

// against makes a function of a window's values and one number.
func against(f func(values []float64, x float64) float64) With {
	return With{1, func(args [][]float64) Func {
		return func(w *Window) float64 {
			if w.empty() {
				return nan
			}
			return f(w.Values, args[0][w.Point])
		}
	}}
}

// tally sums what each value is worth compared with x, and divides by their
// number for a share.
func tally(share bool, worth func(v, x float64) float64) With {
	return against(func(values []float64, x float64) float64 {
		var s float64
		for _, v := range values {
			s += worth(v, x)
		}
		if share {
			s /= float64(len(values))
		}
		return s
	})
}

func one(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

func if0(ok bool, v float64) float64 {
	if ok {
		return v
	}
	return 0
}

func eq(v, x float64) float64 { return one(v == x) }
func le(v, x float64) float64 { return one(v <= x) }
func gt(v, x float64) float64 { return one(v > x) }

var parametric = map[string]With{
	"count_eq_over_time": tally(false, eq),
	"count_ne_over_time": tally(false, func(v, x float64) float64 { return one(v != x) }),
	"count_le_over_time": tally(false, le),
	"count_gt_over_time": tally(false, gt),
	"share_eq_over_time": tally(true, eq),
	"share_le_over_time": tally(true, le),
	"share_gt_over_time": tally(true, gt),
	"sum_eq_over_time":   tally(false, func(v, x float64) float64 { return if0(v == x, v) }),
	"sum_le_over_time":   tally(false, func(v, x float64) float64 { return if0(v <= x, v) }),
	"sum_gt_over_time":   tally(false, func(v, x float64) float64 { return if0(v > x, v) }),
	"quantile_over_time": against(func(values []float64, phi float64) float64 { return Quantile(phi, values) }),
	"hoeffding_bound_lower": against(func(values []float64, phi float64) float64 {
		mean, bound := hoeffding(values, phi)
		return mean - bound
	}),
	"hoeffding_bound_upper": against(func(values []float64, phi float64) float64 {
		mean, bound := hoeffding(values, phi)
		return mean + bound
	}),
	"predict_linear": {1, func(args [][]float64) Func {
		return func(w *Window) float64 {
			v, slope := Regression(w.Times, w.Values, w.End)
			return v + slope*args[0][w.Point]
		}
	}},
	"duration_over_time": {1, func(args [][]float64) Func {
		return func(w *Window) float64 { return duration(w, int64(args[0][w.Point]*1000)) }
	}},
	"holt_winters": {2, func(args [][]float64) Func {
		return func(w *Window) float64 { return holtWinters(w, args[0][w.Point], args[1][w.Point]) }
	}},
}

// duration is the time covered by samples no further apart than most.
func duration(w *Window, most int64) float64 {
	if w.empty() {
		return nan
	}
	var total int64
	for i := 1; i < len(w.Times); i++ {
		if d := w.Times[i] - w.Times[i-1]; d <= most {
			total += d
		}
	}
	return seconds(total)
}

// holtWinters is double exponential smoothing with a factor for the level and
// one for the trend (en.wikipedia.org/wiki/Exponential_smoothing).
func holtWinters(w *Window, smooth, trend float64) float64 {
	if w.empty() || !(smooth >= 0 && smooth <= 1 && trend >= 0 && trend <= 1) {
		return nan
	}
	level, values := w.span()
	if len(values) == 0 {
		return level
	}
	b := values[0] - level
	for _, v := range values {
		next := smooth*v + (1-smooth)*(level+b)
		b = trend*(next-level) + (1-trend)*b
		level = next
	}
	return level
}

// Absent is a column without values.
func Absent(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}
