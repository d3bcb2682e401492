package metricsqlexec

import (
	"math"
	"math/rand"
	"slices"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/columnfunc"
)

// keepsName are the transform functions whose values are of the metric's own
// kind, so that its name stays.
var keepsName = []string{"ceil", "clamp", "clamp_max", "clamp_min", "floor", "interpolate", "keep_last_value", "keep_next_value",
	"range_linear_regression", "range_normalize", "range_quantile", "range_first", "range_last", "range_mad", "range_stddev", "range_stdvar",
	"range_trim_outliers", "range_trim_spikes", "range_trim_zscore", "range_zscore", "remove_resets", "round", "smooth_exponential"}

// transform evaluates a function that is neither a rollup nor an aggregate.
func (s scope) transform(c *call) ([]series, error) {
	if f, ok := columnfunc.Math(c.Name); ok {
		return c.mapped(1, 1, func(v float64, _ []float64) float64 { return f(v) })
	}
	if f, ok := columnfunc.Calendar(c.Name); ok {
		if len(c.Args) == 0 {
			c.Args = []metricsql.Expr{&metricsql.FuncExpr{Name: "time"}}
		}
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
	if f, ok := s.functions.transforms[c.Name]; ok {
		return f(c)
	}
	return nil, badQuery(c, "function %q is not known", c.Name)
}

func transforms() map[string]transformFunc {
	return map[string]transformFunc{
		"":      (*call).union,
		"union": (*call).union,
		"absent": func(c *call) ([]series, error) {
			if err := c.count(1, 1); err != nil {
				return nil, err
			}
			found, err := c.series(0)
			if err != nil {
				return nil, err
			}
			out := c.absentSeries(c.Args[0])
			for p := range out[0].values {
				if hasAt(found, p) {
					out[0].values[p] = math.NaN()
				}
			}
			return out, nil
		},
		"clamp":     func(c *call) ([]series, error) { return c.mapped(3, 3, clamp) },
		"clamp_max": func(c *call) ([]series, error) { return c.mapped(2, 2, clampMax) },
		"clamp_min": func(c *call) ([]series, error) { return c.mapped(2, 2, clampMin) },
		"round": func(c *call) ([]series, error) {
			if len(c.Args) == 1 {
				c.Args = append(slices.Clone(c.Args), &metricsql.NumberExpr{N: 1})
			}
			return c.mapped(2, 2, func(v float64, x []float64) float64 { return columnfunc.Round(v, x[0]) })
		},
		"scalar":            (*call).toScalar,
		"vector":            func(c *call) ([]series, error) { return c.same(1) },
		"drop_empty_series": func(c *call) ([]series, error) { found, err := c.same(1); return present(found), err },
		"limit_offset":      (*call).limitOffset,
		"smooth_exponential": func(c *call) ([]series, error) {
			if err := c.count(2, 2); err != nil {
				return nil, err
			}
			found, err := c.series(0)
			if err != nil {
				return nil, err
			}
			factors, err := c.scalar(1)
			if err != nil {
				return nil, err
			}
			for _, s := range found {
				columnfunc.SmoothExponential(s.values, factors)
			}
			return found, nil
		},
		"range_linear_regression": func(c *call) ([]series, error) {
			times := make([]int64, c.Len())
			for p := range times {
				times[p] = c.Time(p)
			}
			return c.along(func(column []float64) { columnfunc.LinearRegression(times, column) })
		},
		"range_normalize": func(c *call) ([]series, error) {
			var out []series
			for i := range c.Args {
				found, err := c.series(i)
				if err != nil {
					return nil, err
				}
				for _, s := range found {
					if columnfunc.Normalize(s.values) {
						out = append(out, s)
					}
				}
			}
			return out, nil
		},
		"end":   func(c *call) ([]series, error) { return c.fixed(float64(c.End) / 1e3) },
		"start": func(c *call) ([]series, error) { return c.fixed(float64(c.Start) / 1e3) },
		"step":  func(c *call) ([]series, error) { return c.fixed(float64(c.Step) / 1e3) },
		"now":   func(c *call) ([]series, error) { return c.fixed(float64(c.now.UnixNano()) / 1e9) },
		"pi":    func(c *call) ([]series, error) { return c.fixed(math.Pi) },
		"time": func(c *call) ([]series, error) {
			return c.byTime(0, func(ms int64) float64 { return float64(ms) / 1e3 })
		},
		"timezone_offset": func(c *call) ([]series, error) {
			name, err := c.text(0)
			if err != nil {
				return nil, err
			}
			zone, err := time.LoadLocation(name)
			if err != nil {
				return nil, badQuery(c, "time zone %q is not known", name)
			}
			return c.byTime(1, func(ms int64) float64 {
				_, offset := time.UnixMilli(ms).In(zone).Zone()
				return float64(offset)
			})
		},
		"rand":             func(c *call) ([]series, error) { return c.random((*rand.Rand).Float64) },
		"rand_normal":      func(c *call) ([]series, error) { return c.random((*rand.Rand).NormFloat64) },
		"rand_exponential": func(c *call) ([]series, error) { return c.random((*rand.Rand).ExpFloat64) },
	}
}

func clamp(v float64, x []float64) float64    { return columnfunc.Clamp(v, x[0], x[1]) }
func clampMax(v float64, x []float64) float64 { return columnfunc.Clamp(v, math.Inf(-1), x[0]) }
func clampMin(v float64, x []float64) float64 { return columnfunc.Clamp(v, x[0], math.Inf(1)) }

// named drops the metric's name from results it does not fit.
func (c *call) named(found []series) []series {
	if !c.KeepMetricNames && !slices.Contains(keepsName, c.Name) {
		for i := range found {
			found[i].dropName()
		}
	}
	return found
}

// mapped replaces each value of the first argument by f of it and of the values
// of the others at its point.
func (c *call) mapped(least, most int, f func(v float64, others []float64) float64) ([]series, error) {
	if err := c.count(least, most); err != nil {
		return nil, err
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	others := make([][]float64, len(c.Args)-1)
	for i := range others {
		if others[i], err = c.scalar(i + 1); err != nil {
			return nil, err
		}
	}
	at := make([]float64, len(others))
	for _, s := range found {
		for p, v := range s.values {
			for i := range others {
				at[i] = others[i][p]
			}
			s.values[p] = f(v, at)
		}
	}
	return c.named(found), nil
}

// along rewrites the columns of the only argument.
func (c *call) along(f func([]float64)) ([]series, error) {
	found, err := c.same(1)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		f(s.values)
	}
	return c.named(found), nil
}

// trimmed rewrites the columns of the second argument by the number that is the
// first.
func (c *call) trimmed(f func(x float64, column []float64)) ([]series, error) {
	if err := c.count(2, 2); err != nil {
		return nil, err
	}
	x, err := c.number(0)
	if err != nil {
		return nil, err
	}
	found, err := c.series(1)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		f(x, s.values)
	}
	return c.named(found), nil
}

// same is the first of n arguments as it is.
func (c *call) same(n int) ([]series, error) {
	if err := c.count(n, n); err != nil {
		return nil, err
	}
	return c.series(0)
}

func (c *call) fixed(v float64) ([]series, error) { return constant(c.Len(), v), c.count(0, 0) }

func (c *call) byTime(args int, f func(ms int64) float64) ([]series, error) {
	out := constant(c.Len(), 0)
	for p := range out[0].values {
		out[0].values[p] = f(c.Time(p))
	}
	return out, c.count(args, args)
}

// random is the sequence that the generator gives for a seed.
func (c *call) random(f func(*rand.Rand) float64) ([]series, error) {
	if err := c.count(0, 1); err != nil {
		return nil, err
	}
	seed := c.now.UnixNano()
	if len(c.Args) == 1 {
		n, err := c.number(0)
		if err != nil {
			return nil, err
		}
		seed = int64(n)
	}
	r := rand.New(rand.NewSource(seed))
	out := constant(c.Len(), 0)
	for p := range out[0].values {
		out[0].values[p] = f(r)
	}
	return out, nil
}

// union is the series of all arguments, the first of each labels; of arguments
// that are all numbers, all of them.
func (c *call) union() ([]series, error) {
	if len(c.Args) == 0 {
		return constant(c.Len(), math.NaN()), nil
	}
	var out []series
	scalars := true
	for i := range c.Args {
		found, err := c.series(i)
		if err != nil {
			return nil, err
		}
		scalars = scalars && isScalar(found)
		out = append(out, found...)
	}
	if scalars {
		return out, nil
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(s series) bool {
		k := key(s.labels)
		twice := seen[k]
		seen[k] = true
		return twice
	}), nil
}

func (c *call) toScalar() ([]series, error) {
	if err := c.count(1, 1); err != nil {
		return nil, err
	}
	if t, ok := c.Args[0].(*metricsql.StringExpr); ok {
		v, err := strconv.ParseFloat(t.S, 64)
		if err != nil {
			v = math.NaN()
		}
		return constant(c.Len(), v), nil
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return constant(c.Len(), math.NaN()), nil
	}
	found[0].labels = labels.EmptyLabels()
	return found, nil
}

func (c *call) limitOffset() ([]series, error) {
	if err := c.count(3, 3); err != nil {
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
	found = present(found)
	if !ordered(c.Args[2]) {
		slices.SortStableFunc(found, byLabels)
	}
	found = found[min(max(offset, 0), len(found)):]
	return found[:min(max(limit, 0), len(found))], nil
}

// absentSeries is 1 everywhere, with the labels that a selector says a series
// must have.
func (s scope) absentSeries(e metricsql.Expr) []series {
	out := constant(s.Len(), 1)
	m, ok := e.(*metricsql.MetricExpr)
	if !ok || len(m.LabelFilterss) != 1 {
		return out
	}
	for _, f := range m.LabelFilterss[0] {
		if f.Label != nameLabel && !f.IsRegexp && !f.IsNegative {
			out[0].labels = with(out[0].labels, f.Label, f.Value)
		}
	}
	return out
}
