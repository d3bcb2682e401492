package metricsqlplan

import (
	"fmt"
	"math"
	"slices"

	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// silence is how far before a window the sample before it is looked for.
const silence = 5 * 60 * 1000 // ms

// beyond are the functions that look at what happens to be read around their windows:
// the sample after it, or the one before without asking for it.
var beyond = []string{"aggr_over_time", "holt_winters", "integrate", "mode_over_time", "rollup_delta", "rollup_deriv", "rollup_increase", "rollup_rate",
	"rollup_scrape_interval", "zscore_over_time"}

// rollup plans a call of a rollup function.
func (b *builder) rollup(f *metricsql.FuncExpr) (metricplan.Node, error) {
	at := metricsql.GetRollupArgIdx(f)
	if at < 0 || at >= len(f.Args) {
		return nil, metricsqlparse.BadQuery(f, "needs at least %d arguments", max(at, 0)+1)
	}
	n := &metricplan.Rollup{Name: f.Name, Across: slices.Contains(beyond, f.Name), KeepName: f.KeepMetricNames || rollupfunc.Is(f.Name, rollupfunc.KeepsName)}
	others := slices.Delete(slices.Clone(f.Args), at, at+1)
	if err := b.bind(n, &metricsqlfunc.Call{FuncExpr: &metricsql.FuncExpr{Name: f.Name, Args: others}}); err != nil {
		return nil, err
	}
	return b.over(n, windowed(f.Args[at]))
}

// latest plans a selector, or an expression in a window, without a function.
func (b *builder) latest(r *metricsql.RollupExpr) (metricplan.Node, error) {
	n := &metricplan.Rollup{Name: "default_rollup", KeepName: true}
	n.Kernel, _ = rollupfunc.Simple(n.Name)
	return b.over(n, r)
}

// windowed is the window of an argument; a subquery over a plain selector sees
// it through default_rollup.
func windowed(e metricsql.Expr) *metricsql.RollupExpr {
	r, ok := e.(*metricsql.RollupExpr)
	if !ok {
		return &metricsql.RollupExpr{Expr: e}
	}
	m, ok := r.Expr.(*metricsql.MetricExpr)
	if !ok || !r.ForSubquery() {
		return r
	}
	out := *r
	out.Expr = &metricsql.FuncExpr{Name: "default_rollup", Args: []metricsql.Expr{&metricsql.RollupExpr{Expr: m}}}
	return &out
}

// over completes a rollup that has its function: with what it is over, and when. A
// candle is of the time from its point on, so its windows are a step later.
func (b *builder) over(n *metricplan.Rollup, r *metricsql.RollupExpr) (metricplan.Node, error) {
	step := b.Grid.Step
	width, err := r.Window.NonNegativeDuration(step)
	if err != nil {
		return nil, metricsqlparse.BadQuery(r, "%v", err)
	}
	n.Range = width
	if width == 0 {
		n.Range = step
		if rollupfunc.Is(n.Name, rollupfunc.Widen) {
			widen(n)
		}
	}
	if rollupfunc.Is(n.Name, rollupfunc.Counter) {
		prepare(n, rollupfunc.Resets)
	}
	if r.Offset != nil {
		n.Offset = r.Offset.Duration(step)
	}
	if n.Name == "rollup_candlestick" {
		n.Offset -= step
	}
	if r.At != nil {
		if n.AtOf, err = b.time(r.At); err != nil {
			return nil, err
		}
	}
	if m, ok := r.Expr.(*metricsql.MetricExpr); ok {
		if m.IsEmpty() {
			return b.absence(n, r.Expr, &metricplan.Number{Value: math.NaN()}), nil
		}
		err = b.overSelector(n, m, width > 0)
	} else {
		err = b.overSubquery(n, r, width)
	}
	if err != nil {
		return nil, err
	}
	return b.absence(n, r.Expr, n), nil
}

// absence is 1 where no series is absent from its window, if that is the function;
// otherwise found itself.
func (b *builder) absence(n *metricplan.Rollup, of metricsql.Expr, found metricplan.Node) metricplan.Node {
	if n.Name != "absent_over_time" {
		return found
	}
	return &metricplan.Call{Name: "absent from none", Args: []metricplan.Node{found}, Across: true, Func: func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		out := metricsqlfunc.AbsentSeries(of, env.Grid.N)
		for _, one := range args[0].Series {
			for p, v := range one.Values {
				if math.IsNaN(v) {
					out[0].Values[p] = v
				}
			}
		}
		return out, nil
	}}
}

// overTotals are the functions that ask how a value moved, which of deltas is
// asked of their total.
var overTotals = []string{"delta", "delta_prometheus", "idelta", "deriv", "deriv_fast", "ideriv", "rollup_delta", "rollup_deriv", "resets"}

// Selector is the plan's selector of sets of matchers, which are not none.
func Selector(sets metricsqlparse.Selector) *metricplan.Selector {
	return &metricplan.Selector{Matchers: sets[0], Or: sets[1:]}
}

// overSelector is over the samples of stored series; explicit says that the window is.
func (b *builder) overSelector(n *metricplan.Rollup, m *metricsql.MetricExpr, explicit bool) error {
	sets, err := metricsqlparse.Matchers(m)
	if err != nil {
		return err
	}
	n.Selector = Selector(sets)
	if rollupfunc.Is(n.Name, rollupfunc.Counter) || slices.Contains(overTotals, n.Name) {
		n.Selector.Func = "delta"
	}
	n.KeepStale = n.Name == "default_rollup" || n.Name == "stale_samples_over_time"
	n.Before = max(b.Grid.Step-n.Range, 0)
	n.Thin = rollupfunc.Thin(n.Name, !explicit)
	if n.Thin != nil && n.Thin.Tail == 0 { // then it looks at its windows alone
		return nil
	}
	n.After = b.tail(n)
	if rollupfunc.Is(n.Name, rollupfunc.Before) {
		n.Before += silence
	}
	return nil
}

// overSubquery is over the values that an expression has on a grid of its own,
// whose points are multiples of its step. It begins a step and the silence before
// the windows, and ends a step behind them.
func (b *builder) overSubquery(n *metricplan.Rollup, r *metricsql.RollupExpr, width int64) error {
	step, err := r.Step.NonNegativeDuration(b.Grid.Step)
	if err != nil {
		return metricsqlparse.BadQuery(r, "%v", err)
	}
	if step == 0 {
		step = b.Grid.Step
	}
	n.Before, n.After = width-n.Range+step+silence+step, b.tail(n)+step+step-1
	g := column.GridOf(b.Grid.Start-n.Offset-n.Range-n.Before+1, b.Grid.End()-n.Offset+n.After, step)
	if g.N > b.MaxPoints {
		return &fault.Error{Code: fault.Limit, Limit: "max_points", Message: fmt.Sprintf(
			"%s: more than %d points in a subquery; use a longer step", metricsqlparse.Shorten(metricsqlparse.Text(r)), b.MaxPoints)}
	}
	n.Subquery = &metricplan.Subquery{Step: step}
	n.Subquery.Expr, err = b.on(g).node(r.Expr)
	return err
}
