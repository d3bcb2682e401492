package promplan

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// spec is a function of a range vector. Without a kernel Prometheus's own code
// serves floats too.
type spec struct {
	kernel   rollup.Kernel
	keepName bool
	starts   bool // looks at start times
	thin     *rollup.Thin
}

var rollups = map[string]spec{
	"rate":                         {kernel: rollup.Rate, starts: true, thin: rollup.ThinRate},
	"increase":                     {kernel: rollup.Increase, starts: true, thin: rollup.ThinIncrease},
	"delta":                        {kernel: rollup.Delta, thin: rollup.ThinDelta},
	"irate":                        {kernel: rollup.Irate, starts: true},
	"idelta":                       {kernel: rollup.Idelta},
	"deriv":                        {kernel: rollup.Deriv},
	"predict_linear":               {kernel: rollup.PredictLinear},
	"changes":                      {kernel: rollup.Changes},
	"resets":                       {kernel: rollup.Resets, starts: true, thin: rollup.ThinResets},
	"sum_over_time":                {kernel: rollup.Sum, thin: rollup.ThinSum},
	"avg_over_time":                {kernel: rollup.Avg, thin: rollup.ThinAvg},
	"min_over_time":                {kernel: rollup.Min, thin: rollup.ThinMin},
	"max_over_time":                {kernel: rollup.Max, thin: rollup.ThinMax},
	"count_over_time":              {kernel: rollup.Count, thin: rollup.ThinCount},
	"stddev_over_time":             {kernel: rollup.Stddev},
	"stdvar_over_time":             {kernel: rollup.Stdvar},
	"quantile_over_time":           {kernel: rollup.Quantile},
	"mad_over_time":                {kernel: rollup.Mad},
	"present_over_time":            {kernel: rollup.One, thin: rollup.ThinLast},
	"absent_over_time":             {kernel: rollup.One, thin: rollup.ThinLast},
	"first_over_time":              {kernel: rollup.First, keepName: true, thin: rollup.ThinFirst},
	"last_over_time":               {kernel: rollup.Last, keepName: true, thin: rollup.ThinLast},
	"ts_of_first_over_time":        {kernel: rollup.TimeOfFirst, thin: rollup.ThinFirst},
	"ts_of_last_over_time":         {kernel: rollup.TimeOfLast, thin: rollup.ThinLast},
	"ts_of_max_over_time":          {kernel: rollup.TimeOfMax},
	"ts_of_min_over_time":          {kernel: rollup.TimeOfMin},
	"double_exponential_smoothing": {},
	"integral":                     {},
}

func nothing(dst []float64, _ []int64, _ []float64, _ rollup.Windows, _ [][]float64) {
	copy(dst, column.Empty(len(dst)))
}

// newest is the last sample of a window, stale or not.
func newest(w *metricplan.Window) (t int64, v float64, h *histogram.FloatHistogram, ok bool) {
	if n := len(w.Floats); n > 0 {
		t, v, ok = w.Floats[n-1].T, w.Floats[n-1].F, !value.IsStaleNaN(w.Floats[n-1].F)
	}
	if n := len(w.Histograms); n > 0 && (len(w.Floats) == 0 || w.Histograms[n-1].T > t) {
		last := w.Histograms[n-1]
		return last.T, 0, last.H, !value.IsStaleNaN(last.H.Sum)
	}
	return t, v, nil, ok
}

func latestWindow(w *metricplan.Window, _ func(error)) (float64, *histogram.FloatHistogram, bool, error) {
	_, v, h, ok := newest(w)
	return v, h, ok, nil
}

func latestTime(w *metricplan.Window, _ func(error)) (float64, *histogram.FloatHistogram, bool, error) {
	t, _, _, ok := newest(w)
	return float64(t) / 1000, nil, ok, nil
}

func presentWindow(*metricplan.Window, func(error)) (float64, *histogram.FloatHistogram, bool, error) {
	return 1, nil, true, nil
}

// window calls Prometheus's function for a window.
func (b *builder) window(e *parser.Call, index int, n *metricplan.Rollup, vs *parser.VectorSelector, at posrange.PositionRange) metricplan.WindowFunc {
	call := promql.FunctionCalls[e.Func.Name]
	lookback := b.Lookback
	return func(w *metricplan.Window, warn func(error)) (v float64, h *histogram.FloatHistogram, ok bool, err error) {
		defer caught(&err)
		sel := &parser.VectorSelector{Offset: time.Duration(w.Offset) * time.Millisecond}
		if vs != nil {
			sel.PosRange, sel.Anchored, sel.Smoothed = vs.PosRange, vs.Anchored, vs.Smoothed
		}
		args := make(parser.Expressions, len(e.Args))
		copy(args, e.Args)
		args[index] = &parser.MatrixSelector{VectorSelector: sel, Range: time.Duration(n.Range) * time.Millisecond, EndPos: at.End}
		vectors := make([]promql.Vector, len(w.Args))
		for i, a := range w.Args {
			vectors[i] = promql.Vector{{F: a}}
		}
		enh := &promql.EvalNodeHelper{Ts: w.Step, LookbackDelta: lookback}
		if w.HasStarts {
			enh.StartTimestamps = &w.Starts
		}
		out, annos := call(vectors, promql.Matrix{{Metric: w.Labels, Floats: w.Floats, Histograms: w.Histograms}}, args, enh)
		for _, a := range annos {
			warn(a)
		}
		if len(out) == 0 {
			return 0, nil, false, nil
		}
		return out[0].F, out[0].H, true, nil
	}
}

// caught turns the panic with which Prometheus's functions fail into an error.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		panic(r)
	case error:
		*err = r
	default:
		*err = fmt.Errorf("%v", r)
	}
}

// check is what a function says of the series it was used on.
func (b *builder) check(name string, at posrange.PositionRange) metricplan.CheckFunc {
	switch name {
	case "rate", "increase":
		var seen sync.Map
		return func(s *column.Series, _ [][]float64, warn func(error)) {
			metric := s.Labels.Get(model.MetricNameLabel)
			if metric == "" {
				return
			}
			kind := ""
			if b.TypeLabels {
				kind = s.Labels.Get(model.MetricTypeLabel)
			}
			if _, done := seen.LoadOrStore(metric+"\xff"+kind, true); done {
				return
			}
			if b.TypeLabels {
				if kind != string(model.MetricTypeCounter) && kind != string(model.MetricTypeHistogram) {
					warn(annotations.NewPossibleNonCounterLabelInfo(metric, kind, at))
				}
				return
			}
			for _, suffix := range []string{"_total", "_sum", "_count", "_bucket"} {
				if strings.HasSuffix(metric, suffix) {
					return
				}
			}
			warn(annotations.NewPossibleNonCounterInfo(metric, at))
		}
	case "quantile_over_time":
		return func(s *column.Series, args [][]float64, warn func(error)) {
			for i, v := range s.Values {
				if q := args[0][i]; !column.IsAbsent(v) && (math.IsNaN(q) || q < 0 || q > 1) {
					warn(annotations.NewInvalidQuantileWarning(q, at))
				}
			}
		}
	}
	return nil
}
