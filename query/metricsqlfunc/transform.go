package metricsqlfunc

import (
	"math"
	"math/rand"
	"slices"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/columnfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// keepsName are the transform functions whose values are of the metric's own
// kind, so that its name stays.
var keepsName = []string{"ceil", "clamp", "clamp_max", "clamp_min", "floor", "interpolate", "keep_last_value", "keep_next_value",
	"range_linear_regression", "range_normalize", "range_quantile", "range_first", "range_last", "range_mad", "range_stddev", "range_stdvar",
	"range_trim_outliers", "range_trim_spikes", "range_trim_zscore", "range_zscore", "remove_resets", "round", "smooth_exponential"}

// pointwise are the functions a value of which depends on one point alone, and on no
// series without values there; beside those of numbers.
var pointwise = []string{"clamp", "clamp_max", "clamp_min", "histogram_avg", "histogram_fraction", "histogram_quantile", "histogram_share",
	"histogram_stddev", "histogram_stdvar", "label_copy", "label_del", "label_graphite_group", "label_join", "label_keep", "label_lowercase", "label_map",
	"label_match", "label_mismatch", "label_move", "label_replace", "label_set", "label_transform", "label_uppercase", "label_value", "labels_equal",
	"pi", "prometheus_buckets", "round", "step", "time", "timezone_offset", "vector"}

// Pointwise tells whether points can be evaluated apart from each other.
func Pointwise(name string) bool {
	_, math := columnfunc.Math(name)
	_, calendar := columnfunc.Calendar(name)
	_, bitmap := columnfunc.Bitmap(name)
	return math || calendar || bitmap || slices.Contains(pointwise, name)
}

// Completed is the arguments of a transform function, with those that may be left out.
func Completed(f *metricsql.FuncExpr) []metricsql.Expr {
	if _, ok := columnfunc.Calendar(f.Name); ok && len(f.Args) == 0 {
		return []metricsql.Expr{&metricsql.FuncExpr{Name: "time"}}
	}
	if f.Name == "round" && len(f.Args) == 1 {
		return []metricsql.Expr{f.Args[0], &metricsql.NumberExpr{N: 1}}
	}
	return f.Args
}

// Transform evaluates a function that is neither a rollup nor an aggregate.
func (f Functions) Transform(c *Call) ([]column.Series, error) {
	if f, ok := columnfunc.Math(c.Name); ok {
		return c.mapped(1, 1, func(v float64, _ []float64) float64 { return f(v) })
	}
	if f, ok := columnfunc.Calendar(c.Name); ok {
		return c.mapped(1, 1, func(v float64, _ []float64) float64 { return f(v) })
	}
	if f, ok := columnfunc.Bitmap(c.Name); ok {
		return c.mapped(2, 2, func(v float64, x []float64) float64 { return f(v, x[0]) })
	}
	if f, ok := columnfunc.Along(c.Name); ok {
		return c.along(f)
	}
	if f, ok := columnfunc.Trim(c.Name); ok {
		return c.trimmed(f)
	}
	if own, ok := f.transforms[c.Name]; ok {
		return own(c)
	}
	return nil, metricsqlparse.BadQuery(c, "function %q is not known", c.Name)
}

func transforms() map[string]transformFunc {
	return map[string]transformFunc{
		"":      (*Call).union,
		"union": (*Call).union,
		"absent": func(c *Call) ([]column.Series, error) {
			if err := c.Count(1, 1); err != nil {
				return nil, err
			}
			found, err := c.series(0)
			if err != nil {
				return nil, err
			}
			out := AbsentSeries(c.Args[0], c.N)
			for p := range out[0].Values {
				if metricsqlvec.HasAt(found, p) {
					out[0].Values[p] = math.NaN()
				}
			}
			return out, nil
		},
		"clamp":     func(c *Call) ([]column.Series, error) { return c.mapped(3, 3, clamp) },
		"clamp_max": func(c *Call) ([]column.Series, error) { return c.mapped(2, 2, clampMax) },
		"clamp_min": func(c *Call) ([]column.Series, error) { return c.mapped(2, 2, clampMin) },
		"round": func(c *Call) ([]column.Series, error) {
			return c.mapped(2, 2, func(v float64, x []float64) float64 { return columnfunc.Round(v, x[0]) })
		},
		"scalar": (*Call).toScalar,
		"vector": func(c *Call) ([]column.Series, error) { return c.same(1) },
		"drop_empty_series": func(c *Call) ([]column.Series, error) {
			found, err := c.same(1)
			return metricsqlvec.Present(found), err
		},
		"limit_offset": (*Call).limitOffset,
		"smooth_exponential": func(c *Call) ([]column.Series, error) {
			if err := c.Count(2, 2); err != nil {
				return nil, err
			}
			found, err := c.series(0)
			if err != nil {
				return nil, err
			}
			factors, err := c.Scalar(1)
			if err != nil {
				return nil, err
			}
			for _, s := range found {
				columnfunc.SmoothExponential(s.Values, factors)
			}
			return found, nil
		},
		"range_linear_regression": func(c *Call) ([]column.Series, error) {
			times := make([]int64, c.N)
			for p := range times {
				times[p] = c.Time(p)
			}
			return c.along(func(values []float64) { columnfunc.LinearRegression(times, values) })
		},
		"range_normalize": func(c *Call) ([]column.Series, error) {
			var out []column.Series
			for i := range c.Args {
				found, err := c.series(i)
				if err != nil {
					return nil, err
				}
				for _, s := range found {
					if columnfunc.Normalize(s.Values) {
						out = append(out, s)
					}
				}
			}
			return out, nil
		},
		"end":   func(c *Call) ([]column.Series, error) { return c.fixed(float64(c.End()) / 1e3) },
		"start": func(c *Call) ([]column.Series, error) { return c.fixed(float64(c.Start) / 1e3) },
		"step":  func(c *Call) ([]column.Series, error) { return c.fixed(float64(c.Step) / 1e3) },
		"now":   func(c *Call) ([]column.Series, error) { return c.fixed(float64(c.Now.UnixNano()) / 1e9) },
		"pi":    func(c *Call) ([]column.Series, error) { return c.fixed(math.Pi) },
		"time": func(c *Call) ([]column.Series, error) {
			return c.byTime(0, func(ms int64) float64 { return float64(ms) / 1e3 })
		},
		"timezone_offset": func(c *Call) ([]column.Series, error) {
			name, err := c.Text(0)
			if err != nil {
				return nil, err
			}
			zone, err := time.LoadLocation(name)
			if err != nil {
				return nil, metricsqlparse.BadQuery(c, "time zone %q is not known", name)
			}
			return c.byTime(1, func(ms int64) float64 {
				_, offset := time.UnixMilli(ms).In(zone).Zone()
				return float64(offset)
			})
		},
		"rand":             func(c *Call) ([]column.Series, error) { return c.random((*rand.Rand).Float64) },
		"rand_normal":      func(c *Call) ([]column.Series, error) { return c.random((*rand.Rand).NormFloat64) },
		"rand_exponential": func(c *Call) ([]column.Series, error) { return c.random((*rand.Rand).ExpFloat64) },
	}
}

func clamp(v float64, x []float64) float64    { return columnfunc.Clamp(v, x[0], x[1]) }
func clampMax(v float64, x []float64) float64 { return columnfunc.Clamp(v, math.Inf(-1), x[0]) }
func clampMin(v float64, x []float64) float64 { return columnfunc.Clamp(v, x[0], math.Inf(1)) }

// named drops the metric's name from results it does not fit.
func (c *Call) named(found []column.Series) []column.Series {
	if !c.KeepMetricNames && !slices.Contains(keepsName, c.Name) {
		for i := range found {
			metricsqlvec.DropName(&found[i])
		}
	}
	return found
}

// mapped replaces each value of the first argument by f of it and of the values
// of the others at its point.
func (c *Call) mapped(least, most int, f func(v float64, others []float64) float64) ([]column.Series, error) {
	if err := c.Count(least, most); err != nil {
		return nil, err
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	others := make([][]float64, len(c.Args)-1)
	for i := range others {
		if others[i], err = c.Scalar(i + 1); err != nil {
			return nil, err
		}
	}
	at := make([]float64, len(others))
	for _, s := range found {
		for p, v := range s.Values {
			for i := range others {
				at[i] = others[i][p]
			}
			s.Values[p] = f(v, at)
		}
	}
	return c.named(found), nil
}

// along rewrites the columns of the only argument.
func (c *Call) along(f func([]float64)) ([]column.Series, error) {
	found, err := c.same(1)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		f(s.Values)
	}
	return c.named(found), nil
}

// trimmed rewrites the columns of the second argument by the number that is the
// first.
func (c *Call) trimmed(f func(x float64, column []float64)) ([]column.Series, error) {
	if err := c.Count(2, 2); err != nil {
		return nil, err
	}
	x, err := c.Number(0)
	if err != nil {
		return nil, err
	}
	found, err := c.series(1)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		f(x, s.Values)
	}
	return c.named(found), nil
}

// same is the first of n arguments as it is.
func (c *Call) same(n int) ([]column.Series, error) {
	if err := c.Count(n, n); err != nil {
		return nil, err
	}
	return c.series(0)
}

func (c *Call) fixed(v float64) ([]column.Series, error) {
	return metricsqlvec.Constant(c.N, v), c.Count(0, 0)
}

func (c *Call) byTime(args int, f func(ms int64) float64) ([]column.Series, error) {
	out := metricsqlvec.Constant(c.N, 0)
	for p := range out[0].Values {
		out[0].Values[p] = f(c.Time(p))
	}
	return out, c.Count(args, args)
}

// random is the sequence that the generator gives for a seed.
func (c *Call) random(f func(*rand.Rand) float64) ([]column.Series, error) {
	if err := c.Count(0, 1); err != nil {
		return nil, err
	}
	seed := c.Now.UnixNano()
	if len(c.Args) == 1 {
		n, err := c.Number(0)
		if err != nil {
			return nil, err
		}
		seed = int64(n)
	}
	r := rand.New(rand.NewSource(seed))
	out := metricsqlvec.Constant(c.N, 0)
	for p := range out[0].Values {
		out[0].Values[p] = f(r)
	}
	return out, nil
}

// union is the series of all arguments, the first of each labels; of arguments
// that are all numbers, all of them.
func (c *Call) union() ([]column.Series, error) {
	if len(c.Args) == 0 {
		return metricsqlvec.Constant(c.N, math.NaN()), nil
	}
	var out []column.Series
	scalars := true
	for i := range c.Args {
		found, err := c.series(i)
		if err != nil {
			return nil, err
		}
		scalars = scalars && metricsqlvec.IsScalar(found)
		out = append(out, found...)
	}
	if scalars {
		return out, nil
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(s column.Series) bool {
		k := metricsqlvec.Key(s.Labels)
		twice := seen[k]
		seen[k] = true
		return twice
	}), nil
}

func (c *Call) toScalar() ([]column.Series, error) {
	if err := c.Count(1, 1); err != nil {
		return nil, err
	}
	if t, ok := c.Args[0].(*metricsql.StringExpr); ok {
		v, err := strconv.ParseFloat(t.S, 64)
		if err != nil {
			v = math.NaN()
		}
		return metricsqlvec.Constant(c.N, v), nil
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return metricsqlvec.Constant(c.N, math.NaN()), nil
	}
	found[0].Labels = labels.EmptyLabels()
	return found, nil
}

func (c *Call) limitOffset() ([]column.Series, error) {
	if err := c.Count(3, 3); err != nil {
		return nil, err
	}
	limit, err := c.integer(0)
	if err != nil {
		return nil, err
	}
	offset, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(2)
	if err != nil {
		return nil, err
	}
	found = metricsqlvec.Present(found)
	if !Ordered(c.Args[2]) {
		slices.SortStableFunc(found, metricsqlvec.ByLabels)
	}
	found = found[min(max(offset, 0), len(found)):]
	return found[:min(max(limit, 0), len(found))], nil
}

// AbsentSeries is 1 at so many points, with the labels that a selector says a series
// must have.
func AbsentSeries(e metricsql.Expr, points int) []column.Series {
	out := metricsqlvec.Constant(points, 1)
	m, ok := e.(*metricsql.MetricExpr)
	if !ok || len(m.LabelFilterss) != 1 {
		return out
	}
	for _, f := range m.LabelFilterss[0] {
		if f.Label != metricsqlvec.NameLabel && !f.IsRegexp && !f.IsNegative {
			out[0].Labels = metricsqlvec.With(out[0].Labels, f.Label, f.Value)
		}
	}
	return out
}
