package promplan

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// floats are the functions of one float.
var floats = map[string]func(float64) float64{
	"abs": math.Abs, "ceil": math.Ceil, "floor": math.Floor, "exp": math.Exp, "sqrt": math.Sqrt,
	"ln": math.Log, "log2": math.Log2, "log10": math.Log10,
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos, "atan": math.Atan,
	"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "asinh": math.Asinh, "acosh": math.Acosh, "atanh": math.Atanh,
	"rad": func(v float64) float64 { return v * (math.Pi / 180) },
	"deg": func(v float64) float64 { return v * (180 / math.Pi) },
	"sgn": sign,
}

func sign(v float64) float64 {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return v
}

// dates are the functions of a time, which is a float of seconds or, without
// an argument, that of the step.
var dates = map[string]func(time.Time) float64{
	"days_in_month": func(t time.Time) float64 {
		return float64(32 - time.Date(t.Year(), t.Month(), 32, 0, 0, 0, 0, time.UTC).Day())
	},
	"day_of_month": func(t time.Time) float64 { return float64(t.Day()) },
	"day_of_week":  func(t time.Time) float64 { return float64(t.Weekday()) },
	"day_of_year":  func(t time.Time) float64 { return float64(t.YearDay()) },
	"hour":         func(t time.Time) float64 { return float64(t.Hour()) },
	"minute":       func(t time.Time) float64 { return float64(t.Minute()) },
	"month":        func(t time.Time) float64 { return float64(t.Month()) },
	"year":         func(t time.Time) float64 { return float64(t.Year()) },
}

// functionOf is the function of a call without range vectors, nil for one that
// has not been written anew.
func functionOf(e *parser.Call) metricplan.Function {
	name := e.Func.Name
	if f, ok := floats[name]; ok {
		return each(func(v float64, _ int) float64 { return f(v) })
	}
	if f, ok := dates[name]; ok {
		return dateOf(f)
	}
	switch name {
	case "time":
		return times
	case "pi":
		return constant(math.Pi)
	case "vector":
		return func(_ *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
			return args[0].Series, nil
		}
	case "scalar":
		return scalar
	case "round":
		return round
	case "clamp", "clamp_min", "clamp_max":
		return clampOf(name)
	case "absent":
		return absentOf(e.Args[0])
	case "timestamp":
		return timestamps
	case "label_replace":
		return labelReplace
	case "label_join":
		return labelJoin
	case "sort", "sort_desc":
		return sortOf(e)
	case "histogram_quantile":
		return quantileOf(e)
	case "histogram_count":
		return ofHistogram(func(h *histogram.FloatHistogram) float64 { return h.Count })
	case "histogram_sum":
		return ofHistogram(func(h *histogram.FloatHistogram) float64 { return h.Sum })
	case "histogram_avg":
		return ofHistogram(func(h *histogram.FloatHistogram) float64 { return h.Sum / h.Count })
	}
	return nil
}

// dropName takes the name from a series whose value is no longer the metric's.
func dropName(env *metricplan.Env, s *column.Series) {
	s.DropName = true
	if !env.Delayed {
		s.Labels = s.Labels.DropReserved(schema.IsMetadataLabel)
	}
}

// each applies f, which also gets the number of the step, to every float;
// histograms are left out.
func each(f func(v float64, i int) float64) metricplan.Function {
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		return eachOf(env, args[0].Series, f), nil
	}
}

func eachOf(env *metricplan.Env, all []column.Series, f func(v float64, i int) float64) []column.Series {
	for k := range all {
		s := &all[k]
		s.Histograms = nil
		for i, v := range s.Values {
			if !column.IsAbsent(v) {
				s.Values[i] = f(v, i)
			}
		}
		dropName(env, s)
	}
	return all
}

func negate(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	all := args[0].Series
	for k := range all {
		s := &all[k]
		for i, v := range s.Values {
			if h := s.Histogram(i); h != nil {
				s.Histograms[i] = h.Copy().Mul(-1)
			} else if !column.IsAbsent(v) {
				s.Values[i] = -v
			}
		}
		dropName(env, s)
	}
	return all, nil
}

func constant(v float64) metricplan.Function {
	return func(env *metricplan.Env, _ []metricplan.Operand) ([]column.Series, error) {
		return []column.Series{column.Constant(v, env.Grid.N)}, nil
	}
}

func times(env *metricplan.Env, _ []metricplan.Operand) ([]column.Series, error) {
	s := column.Constant(0, env.Grid.N)
	for i := range s.Values {
		s.Values[i] = float64(env.Grid.Time(i)) / 1000
	}
	return []column.Series{s}, nil
}

func dateOf(f func(time.Time) float64) metricplan.Function {
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		if len(args) == 0 {
			s := column.Constant(0, env.Grid.N)
			for i := range s.Values {
				s.Values[i] = f(time.Unix(env.Grid.Time(i)/1000, 0).UTC())
			}
			return []column.Series{s}, nil
		}
		return eachOf(env, args[0].Series, func(v float64, _ int) float64 { return f(time.Unix(int64(v), 0).UTC()) }), nil
	}
}

// scalar is the only float of each step, NaN where there is not one.
func scalar(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	out := column.Constant(math.NaN(), env.Grid.N)
	found := make([]bool, env.Grid.N)
	for k := range args[0].Series {
		for i, v := range args[0].Series[k].Values {
			switch {
			case column.IsAbsent(v):
			case found[i]:
				out.Values[i] = math.NaN()
			default:
				found[i], out.Values[i] = true, v
			}
		}
	}
	return []column.Series{out}, nil
}

func round(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	nearest := func(int) float64 { return 1 }
	if len(args) > 1 {
		column := args[1].Scalar()
		nearest = func(i int) float64 { return column[i] }
	}
	return eachOf(env, args[0].Series, func(v float64, i int) float64 {
		inverse := 1 / nearest(i)
		return math.Floor(v*inverse+0.5) / inverse
	}), nil
}

func clampOf(name string) metricplan.Function {
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		lowest, highest := column.Constant(math.Inf(-1), env.Grid.N).Values, column.Constant(math.Inf(1), env.Grid.N).Values
		switch name {
		case "clamp":
			lowest, highest = args[1].Scalar(), args[2].Scalar()
		case "clamp_min":
			lowest = args[1].Scalar()
		default:
			highest = args[1].Scalar()
		}
		absent := column.Absent()
		return eachOf(env, args[0].Series, func(v float64, i int) float64 {
			if highest[i] < lowest[i] {
				return absent
			}
			return math.Max(lowest[i], math.Min(highest[i], v))
		}), nil
	}
}

// timestamps is timestamp() of an expression: the time of the step.
func timestamps(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	all := args[0].Series
	for k := range all {
		s := &all[k]
		for i := range s.Values {
			if s.Has(i) {
				s.Set(i, float64(env.Grid.Time(i))/1000, nil)
			}
		}
		s.Histograms = nil
		dropName(env, s)
	}
	return all, nil
}

// absentOf is absent and absent_over_time of an argument: 1 where it has
// nothing, with the labels that its selector pins down.
func absentOf(arg parser.Expr) metricplan.Function {
	pinned := pinnedLabels(arg)
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		s := column.Constant(1, env.Grid.N)
		s.Labels = pinned
		absent := column.Absent()
		for k := range args[0].Series {
			for i := range s.Values {
				if args[0].Series[k].Has(i) {
					s.Values[i] = absent
				}
			}
		}
		return []column.Series{s}, nil
	}
}

func pinnedLabels(arg parser.Expr) labels.Labels {
	if m, ok := arg.(*parser.MatrixSelector); ok {
		arg = m.VectorSelector
	}
	vs, ok := arg.(*parser.VectorSelector)
	if !ok {
		return labels.EmptyLabels()
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	seen := map[string]bool{}
	for _, m := range vs.LabelMatchers {
		switch {
		case schema.IsMetadataLabel(m.Name):
		case m.Type == labels.MatchEqual && !seen[m.Name]:
			b.Set(m.Name, m.Value)
			seen[m.Name] = true
		default:
			b.Del(m.Name)
		}
	}
	return b.Labels()
}

func labelReplace(_ *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	all, dst, replacement, src := args[0].Series, args[1].Text, args[2].Text, args[3].Text
	re, err := regexp.Compile("^(?s:" + args[4].Text + ")$")
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression in label_replace(): %s", args[4].Text)
	}
	if !model.UTF8Validation.IsValidLabelName(dst) {
		return nil, fmt.Errorf("invalid destination label name in label_replace(): %s", dst)
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	for k := range all {
		value := all[k].Labels.Get(src)
		found := re.FindStringSubmatchIndex(value)
		if found == nil {
			continue
		}
		b.Reset(all[k].Labels)
		b.Set(dst, string(re.ExpandString(nil, replacement, value, found)))
		all[k].Labels = b.Labels()
		if dst == model.MetricNameLabel {
			all[k].DropName = false
		}
	}
	return all, nil
}

func labelJoin(_ *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
	all, dst, separator := args[0].Series, args[1].Text, args[2].Text
	var sources []string
	for _, a := range args[3:] {
		if !model.UTF8Validation.IsValidLabelName(a.Text) {
			return nil, fmt.Errorf("invalid source label name in label_join(): %s", a.Text)
		}
		sources = append(sources, a.Text)
	}
	if !model.UTF8Validation.IsValidLabelName(dst) {
		return nil, fmt.Errorf("invalid destination label name in label_join(): %s", dst)
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	values := make([]string, len(sources))
	for k := range all {
		for i, src := range sources {
			values[i] = all[k].Labels.Get(src)
		}
		b.Reset(all[k].Labels)
		b.Set(dst, strings.Join(values, separator))
		all[k].Labels = b.Labels()
		if dst == model.MetricNameLabel {
			all[k].DropName = false
		}
	}
	return all, nil
}

// sortOf orders an instant vector by value, NaN last; the series of a range
// query are in the order of their labels anyway.
func sortOf(e *parser.Call) metricplan.Function {
	descending := e.Func.Name == "sort_desc"
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		all := args[0].Series
		for k := range all {
			all[k].Histograms = nil
		}
		if !env.Grid.Instant() {
			env.Warn(annotations.NewSortInRangeQueryWarning(e.PositionRange()))
			return all, nil
		}
		slices.SortStableFunc(all, func(a, b column.Series) int {
			x, y := a.Values[0], b.Values[0]
			switch {
			case x != x && y != y, x == y:
				return 0
			case x != x:
				return 1
			case y != y:
				return -1
			case (x < y) != descending:
				return -1
			}
			return 1
		})
		return all, nil
	}
}

// stepByStep calls Prometheus's function for every step.
func stepByStep(e *parser.Call) metricplan.Function {
	call := promql.FunctionCalls[e.Func.Name]
	return func(env *metricplan.Env, args []metricplan.Operand) (out []column.Series, err error) {
		defer caught(&err)
		if strings.HasPrefix(e.Func.Name, "sort_by_label") && !env.Grid.Instant() {
			env.Warn(annotations.NewSortInRangeQueryWarning(e.PositionRange()))
		}
		enh := &promql.EvalNodeHelper{LookbackDelta: time.Duration(env.Lookback) * time.Millisecond}
		index := map[uint64]int{}
		vectors := make([]promql.Vector, len(args))
		for i := range env.Grid.N {
			for k := range args {
				vectors[k] = vectors[k][:0]
				for j := range args[k].Series {
					if s := &args[k].Series[j]; s.Has(i) {
						v := s.Values[i]
						if s.Histogram(i) != nil {
							v = 0
						}
						vectors[k] = append(vectors[k], promql.Sample{T: env.Grid.Time(i), F: v, H: s.Histogram(i), Metric: s.Labels, DropName: s.DropName})
					}
				}
			}
			enh.Ts = env.Grid.Time(i)
			vector, annos := call(vectors, nil, e.Args, enh)
			for _, a := range annos {
				env.Warn(a)
			}
			if out, err = put(out, index, vector, env.Grid.N, i); err != nil {
				return nil, err
			}
			enh.Out = vector[:0]
		}
		return out, nil
	}
}

// put adds the samples of one step to the series they belong to.
func put(out []column.Series, index map[uint64]int, vector promql.Vector, n, i int) ([]column.Series, error) {
	for _, v := range vector {
		hash := v.Metric.Hash()
		at, ok := index[hash]
		if !ok {
			at = len(out)
			index[hash] = at
			s := column.New(v.Metric, n)
			s.DropName = v.DropName
			out = append(out, s)
		}
		if out[at].Has(i) {
			return nil, fmt.Errorf("vector cannot contain metrics with the same labelset")
		}
		out[at].Set(i, v.F, v.H)
	}
	return out, nil
}
