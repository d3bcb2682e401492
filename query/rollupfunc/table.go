package rollupfunc

import (
	"github.com/prometheus/prometheus/model/value"

	"github.com/trefoil-o11y/trefoil/query/rollup"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
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

// Simple is the kernel of a function of a window alone. Those that PromQL has too are its.
func Simple(name string) (rollup.Kernel, bool) {
	if k, ok := shared[name]; ok {
		return k, true
	}
	if s, ok := slopes[name]; ok {
		return s.kernel(), true
	}
	f, ok := own[name]
	return f.Kernel(), ok
}

var shared = map[string]rollup.Kernel{
	"avg_over_time":       rollup.Avg,
	"count_over_time":     rollup.Count,
	"default_rollup":      rollup.Last,
	"first_over_time":     rollup.First,
	"last_over_time":      rollup.Last,
	"mad_over_time":       rollup.Mad,
	"max_over_time":       rollup.Max,
	"min_over_time":       rollup.Min,
	"present_over_time":   rollup.One,
	"stddev_over_time":    rollup.Stddev,
	"stdvar_over_time":    rollup.Stdvar,
	"sum_over_time":       rollup.Sum,
	"tfirst_over_time":    rollup.TimeOfFirst,
	"timestamp":           rollup.TimeOfLast,
	"timestamp_with_name": rollup.TimeOfLast,
	"tlast_over_time":     rollup.TimeOfLast,
	"tmax_over_time":      rollup.TimeOfMax,
	"tmin_over_time":      rollup.TimeOfMin,
}

var own = map[string]Func{
	"absent_over_time": func(w *Window) float64 {
		if w.empty() {
			return 1
		}
		return nan
	},
	"ascent_over_time":        ascent,
	"changes":                 changes,
	"changes_prometheus":      changesPrometheus,
	"decreases_over_time":     decreases,
	"delta_prometheus":        deltaPrometheus,
	"deriv":                   derivSlow,
	"descent_over_time":       descent,
	"distinct_over_time":      fold(distinct),
	"geomean_over_time":       fold(geomean),
	"idelta":                  idelta,
	"ideriv":                  irate,
	"increase_prometheus":     deltaPrometheus,
	"increase_pure":           increasePure,
	"increases_over_time":     increases,
	"integrate":               integrate,
	"irate":                   irate,
	"lag":                     lag,
	"lifetime":                lifetime,
	"median_over_time":        fold(func(v []float64) float64 { return Quantile(0.5, v) }),
	"mode_over_time":          mode,
	"outlier_iqr_over_time":   outlierIQR,
	"range_over_time":         fold(func(v []float64) float64 { return highest(v) - lowest(v) }),
	"rate_over_sum":           rateOverSum,
	"rate_prometheus":         ratePrometheus,
	"resets":                  decreases,
	"scrape_interval":         scrapeInterval,
	"stale_samples_over_time": fold(stale),
	"sum2_over_time":          fold(sum2),
	"tlast_change_over_time":  lastChange,
	"zscore_over_time":        zscore,
}

// Thin is how a function is computed of what a rollup of samples keeps, nil if it
// needs all of them. Implicit says that its windows are as long as steps, or longer where samples are further apart: then
// they are to be no longer.
func Thin(name string, implicit bool) *rollup.Thin {
	t := thin[name]
	if t == nil || !implicit || !Is(name, Widen) {
		return t
	}
	out := *t
	if out.Tail = tail; out.Kernel == nil {
		k, _ := Simple(name)
		out.Kernel = func(dst []float64, e *samplerollup.Entries, w rollup.Windows) { k(dst, e.Times, e.Values, w, nil) }
	}
	out.Fits = func(e *samplerollup.Entries, w rollup.Windows) bool {
		return Width(e.Tail, w) == w.Range && (t.Fits == nil || t.Fits(e, w))
	}
	return &out
}

// begun tells whether a series has samples before its first window. Of one that begins later the second sample may be looked at, which
// is not kept.
func begun(e *samplerollup.Entries, w rollup.Windows) bool { return e.Times[0] <= w.End(0)-w.Range }

var thin = map[string]*rollup.Thin{
	"absent_over_time":    rollup.ThinLast,
	"avg_over_time":       rollup.ThinAvg,
	"count_over_time":     rollup.ThinCount,
	"default_rollup":      rollup.ThinLast,
	"delta":               {Aspect: samplerollup.Gain, Kernel: slopes["delta"].thin(false), Tail: tail, Fits: begun},
	"deriv_fast":          {Aspect: samplerollup.Gain, Kernel: slopes["deriv_fast"].thin(false), Tail: tail},
	"first_over_time":     rollup.ThinFirst,
	"increase":            {Aspect: samplerollup.Gain, Kernel: slopes["increase"].thin(true), Tail: tail, Fits: begun},
	"last_over_time":      rollup.ThinLast,
	"max_over_time":       rollup.ThinMax,
	"min_over_time":       rollup.ThinMin,
	"present_over_time":   rollup.ThinLast,
	"rate":                {Aspect: samplerollup.Gain, Kernel: slopes["rate"].thin(true), Tail: tail},
	"sum_over_time":       rollup.ThinSum,
	"tfirst_over_time":    rollup.ThinFirst,
	"timestamp":           rollup.ThinLast,
	"timestamp_with_name": rollup.ThinLast,
	"tlast_over_time":     rollup.ThinLast,
}

// Candle is a part of rollup_candlestick: open, close, high or low.
func Candle(part string) (rollup.Kernel, bool) {
	f, ok := map[string]Func{"open": candleOpen, "close": candleClose, "high": candleMost(highest), "low": candleMost(lowest)}[part]
	return f.Kernel(), ok
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

// with is a function of a window and of numbers, one by point of the grid for
// each further argument; args is how many.
type with struct {
	args int
	make func(args [][]float64) Func
}

// Parametric is the kernel of a function that has scalar arguments beside the
// series, and how many.
func Parametric(name string) (k rollup.Kernel, args int, ok bool) {
	f, ok := parametric[name]
	return func(dst []float64, ts []int64, vs []float64, w rollup.Windows, args [][]float64) {
		f.make(args).Kernel()(dst, ts, vs, w, nil)
	}, f.args, ok
}

// against makes a function of a window's values and one number.
func against(f func(values []float64, x float64) float64) with {
	return with{1, func(args [][]float64) Func {
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
func tally(share bool, worth func(v, x float64) float64) with {
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

var parametric = map[string]with{
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
