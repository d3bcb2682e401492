package metricsqlexec

import (
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// silence is how far before a window the sample before it is looked for.
const silence = 5 * 60 * 1000 // ms

// maxSubqueryPoints bounds the grid of a subquery.
const maxSubqueryPoints = 100_000

// rollup is a rollup function with all but the samples.
type rollup struct {
	name     string
	arg      *metricsql.RollupExpr
	call     *metricsql.FuncExpr // nil of a plain selector
	keepName bool
	parts    []part
	spread   *spread
	prepare  func(times []int64, values []float64)
}

// part is one of the series a rollup makes of each; tag is the value of its
// label rollup, if it has one.
type part struct {
	tag string
	f   rollupfunc.Func
}

// spread is a function that makes a series for each value of a label.
type spread struct {
	label string
	make  func() rollupfunc.Spread
}

// rollupCall evaluates a call of a rollup function.
func (s scope) rollupCall(f *metricsql.FuncExpr) ([]metricsqlvec.Series, error) {
	at := metricsql.GetRollupArgIdx(f)
	if at < 0 || at >= len(f.Args) {
		return nil, metricsqlparse.BadQuery(f, "needs at least %d arguments", max(at, 0)+1)
	}
	r := rollup{name: f.Name, arg: asRollup(f.Args[at]), call: f, keepName: f.KeepMetricNames}
	others := slices.Delete(slices.Clone(f.Args), at, at+1)
	if err := s.bind(&r, s.call(&metricsql.FuncExpr{Name: f.Name, Args: others})); err != nil {
		return nil, err
	}
	return s.rollup(r)
}

// asRollup is the window of an argument; a subquery over a plain selector sees
// it through default_rollup.
func asRollup(e metricsql.Expr) *metricsql.RollupExpr {
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

// bind finds what a rollup makes of a window; c has the arguments that are not
// the series.
func (s scope) bind(r *rollup, c *metricsqlfunc.Call) error {
	if f, ok := rollupfunc.Simple(r.name); ok {
		r.parts = []part{{f: f}}
		return c.Count(0, 0)
	}
	if p, ok := rollupfunc.Parametric(r.name); ok {
		if err := c.Count(p.Args, p.Args); err != nil {
			return err
		}
		args := make([][]float64, p.Args)
		for i := range args {
			var err error
			if args[i], err = c.Scalar(i); err != nil {
				return err
			}
		}
		r.parts = []part{{f: p.Make(args)}}
		return nil
	}
	switch r.name {
	case "quantiles_over_time", "count_values_over_time", "histogram_over_time":
		return bindSpread(r, c)
	case "aggr_over_time":
		return bindAggregates(r, c)
	case "rollup_candlestick":
		return bindParts(r, c, []string{"open", "close", "low", "high"}, rollupfunc.Candle, true)
	case "rollup", "rollup_rate", "rollup_deriv", "rollup_increase", "rollup_delta", "rollup_scrape_interval":
		r.prepare = map[string]func([]int64, []float64){
			"rollup_rate": rollupfunc.Slopes, "rollup_deriv": rollupfunc.Slopes,
			"rollup_increase":        func(_ []int64, v []float64) { rollupfunc.Deltas(v) },
			"rollup_delta":           func(_ []int64, v []float64) { rollupfunc.Deltas(v) },
			"rollup_scrape_interval": rollupfunc.Intervals,
		}[r.name]
		return bindParts(r, c, []string{"min", "max", "avg"}, func(tag string) (rollupfunc.Func, bool) { return rollupfunc.Simple(tag + "_over_time") }, false)
	}
	return metricsqlparse.BadQuery(c, "function %q is not known", r.name)
}

// bindParts makes all of some parts, or the one that is named. One that is
// named has no label but as a candle.
func bindParts(r *rollup, c *metricsqlfunc.Call, tags []string, find func(string) (rollupfunc.Func, bool), always bool) error {
	if err := c.Count(0, 1); err != nil {
		return err
	}
	if len(c.Args) == 1 {
		tag, err := c.Text(0)
		if err != nil {
			return err
		}
		if !slices.Contains(tags, tag) {
			return metricsqlparse.BadQuery(c, "%q is not one of %s", tag, strings.Join(tags, ", "))
		}
		f, _ := find(tag)
		if !always {
			tag = ""
		}
		r.parts = []part{{tag, f}}
		return nil
	}
	for _, tag := range tags {
		f, _ := find(tag)
		r.parts = append(r.parts, part{tag, f})
	}
	return nil
}

func bindAggregates(r *rollup, c *metricsqlfunc.Call) error {
	if err := c.Count(1, 1); err != nil {
		return err
	}
	list := []metricsql.Expr{c.Args[0]}
	if f, ok := c.Args[0].(*metricsql.FuncExpr); ok && f.Name == "" {
		list = f.Args
	}
	for _, e := range list {
		name, ok := e.(*metricsql.StringExpr)
		if !ok {
			return metricsqlparse.BadQuery(e, "is not a quoted name of a rollup function")
		}
		f, ok := rollupfunc.Simple(name.S)
		if name.S == "iqr_over_time" { // what aggr_over_time calls outlier_iqr_over_time
			f, ok = rollupfunc.Simple("outlier_iqr_over_time")
		}
		if !ok {
			return metricsqlparse.BadQuery(e, "is not a rollup function that needs no more arguments")
		}
		r.parts = append(r.parts, part{name.S, f})
		if rollupfunc.Is(name.S, rollupfunc.Counter) {
			r.prepare = func(_ []int64, v []float64) { rollupfunc.WithoutResets(v) }
		}
	}
	if len(r.parts) == 0 {
		return metricsqlparse.BadQuery(c, "needs the name of a rollup function")
	}
	return nil
}

func bindSpread(r *rollup, c *metricsqlfunc.Call) (err error) {
	r.spread = &spread{label: "vmrange", make: rollupfunc.Histogram}
	if r.name == "histogram_over_time" {
		return c.Count(0, 0)
	}
	if err := c.Count(1, math.MaxInt); err != nil {
		return err
	}
	if r.spread.label, err = c.Text(0); err != nil {
		return err
	}
	if r.name == "count_values_over_time" {
		r.spread.make = rollupfunc.CountValues
		return c.Count(1, 1)
	}
	var phis []float64
	for i := 1; i < len(c.Args); i++ {
		phi, err := c.Number(i)
		if err != nil {
			return err
		}
		phis = append(phis, phi)
	}
	if len(phis) == 0 {
		return metricsqlparse.BadQuery(c, "needs at least one quantile")
	}
	r.spread.make = func() rollupfunc.Spread { return rollupfunc.QuantilesOf(phis) }
	return nil
}

// rollup evaluates a rollup, with its @ and offset.
func (s scope) rollup(r rollup) ([]metricsqlvec.Series, error) {
	if r.parts == nil && r.spread == nil {
		f, _ := rollupfunc.Simple(r.name)
		r.parts = []part{{f: f}}
	}
	if r.arg.At == nil {
		return s.shifted(r)
	}
	at, err := s.eval(r.arg.At)
	if err != nil {
		return nil, err
	}
	if len(at) != 1 {
		return nil, metricsqlparse.BadQuery(r.arg.At, "after @ must be one series, it is %d", len(at))
	}
	i := slices.IndexFunc(at[0].Values, func(v float64) bool { return !math.IsNaN(v) })
	if i < 0 {
		return nil, metricsqlparse.BadQuery(r.arg.At, "after @ has no value")
	}
	ms := int64(at[0].Values[i] * 1000)
	found, err := s.on(rollupfunc.Grid{Start: ms, End: ms, Step: s.Step}).shifted(r)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Values = metricsqlvec.Constant(s.Len(), found[i].Values[0])[0].Values
	}
	return found, s.columns(len(found))
}

// shifted moves the grid by the offset. A candle is of the time from its point
// on, so its grid is a step later.
func (s scope) shifted(r rollup) ([]metricsqlvec.Series, error) {
	var back int64
	if r.arg.Offset != nil {
		back = r.arg.Offset.Duration(s.Step)
	}
	if r.name == "rollup_candlestick" {
		back -= s.Step
	}
	s.Start, s.End = s.Start-back, s.End-back
	var out []metricsqlvec.Series
	var err error
	if m, ok := r.arg.Expr.(*metricsql.MetricExpr); ok {
		out, err = s.overSelector(r, m)
	} else {
		out, err = s.overSubquery(r)
	}
	if err == nil && r.name == "absent_over_time" {
		out = s.absence(r.arg.Expr, out)
	}
	return out, err
}

// absence is 1 where no series is absent from its window.
func (s scope) absence(of metricsql.Expr, found []metricsqlvec.Series) []metricsqlvec.Series {
	out := metricsqlfunc.AbsentSeries(of, s.Len())
	for _, one := range found {
		for p, v := range one.Values {
			if math.IsNaN(v) {
				out[0].Values[p] = v
			}
		}
	}
	return out
}

func (s scope) overSelector(r rollup, m *metricsql.MetricExpr) ([]metricsqlvec.Series, error) {
	width, err := r.arg.Window.NonNegativeDuration(s.Step)
	if err != nil {
		return nil, metricsqlparse.BadQuery(r.arg, "%v", err)
	}
	if m.IsEmpty() {
		return metricsqlvec.Constant(s.Len(), math.NaN()), nil
	}
	sets, err := metricsqlparse.Matchers(m)
	if err != nil {
		return nil, err
	}
	from := s.Start - max(width, s.Step)
	if rollupfunc.Is(r.name, rollupfunc.Before) {
		from -= silence
	}
	totals := rollupfunc.Is(r.name, rollupfunc.Counter) || slices.Contains(overTotals, r.name)
	a := s.applied(r, width)
	keepStale := r.name == "default_rollup" || r.name == "stale_samples_over_time"
	err = s.reader.Each(s.ctx, sets, from, s.End, totals, func(place int, raw *column.Raw) error {
		if !keepStale {
			raw.WithoutStale()
		}
		return a.add(place, raw)
	})
	return slices.Concat(a.made.inOrder()...), err
}

// overTotals are the functions that ask how a value moved, which of deltas is
// asked of their total.
var overTotals = []string{"delta", "delta_prometheus", "idelta", "deriv", "deriv_fast", "ideriv", "rollup_delta", "rollup_deriv", "resets"}

// overSubquery rolls up the values that an expression has on a grid of its own,
// whose points are multiples of its step.
func (s scope) overSubquery(r rollup) ([]metricsqlvec.Series, error) {
	step, err := r.arg.Step.NonNegativeDuration(s.Step)
	if err != nil {
		return nil, metricsqlparse.BadQuery(r.arg, "%v", err)
	}
	if step == 0 {
		step = s.Step
	}
	width, err := r.arg.Window.NonNegativeDuration(s.Step)
	if err != nil {
		return nil, metricsqlparse.BadQuery(r.arg, "%v", err)
	}
	g := rollupfunc.Grid{Start: s.Start - width - step - silence, End: s.End + step, Step: step}
	g.Start -= g.Start % step
	if over := g.End % step; over > 0 {
		g.End += step - over
	}
	if g.Len() > maxSubqueryPoints {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_points", Message: fmt.Sprintf(
			"%s: more than %d points in a subquery; use a longer step", metricsqlparse.Shorten(metricsqlparse.Text(r.arg)), maxSubqueryPoints)}
	}
	inner, err := s.on(g).eval(r.arg.Expr)
	if err != nil {
		return nil, err
	}
	a := s.applied(r, width)
	side, ctx := errgroup.WithContext(s.ctx)
	side.SetLimit(runtime.GOMAXPROCS(0))
	for place, one := range inner {
		side.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			raw := column.Raw{Labels: one.Labels}
			for p, v := range one.Values {
				if !math.IsNaN(v) {
					raw.Times, raw.Values = append(raw.Times, g.Time(p)), append(raw.Values, v)
				}
			}
			return a.add(place, &raw)
		})
	}
	err = side.Wait()
	return slices.Concat(a.made.inOrder()...), err
}

// applied is what a rollup makes of series that come one by one, from several
// goroutines.
type applied struct {
	scope
	rollup
	layout rollupfunc.Layout
	made   places[[]metricsqlvec.Series]
}

func (s scope) applied(r rollup, width int64) *applied {
	layout := rollupfunc.Layout{Grid: s.Grid, Width: width, Widen: rollupfunc.Is(r.name, rollupfunc.Widen)}
	return &applied{scope: s, rollup: r, layout: layout}
}

// add rolls up the samples of a series, which it rewrites.
func (a *applied) add(place int, raw *column.Raw) error {
	made, err := a.series(raw)
	if err == nil {
		a.made.put(place, made)
	}
	return err
}

func (a *applied) series(raw *column.Raw) ([]metricsqlvec.Series, error) {
	if rollupfunc.Is(a.name, rollupfunc.Counter) {
		rollupfunc.WithoutResets(raw.Values)
	}
	if a.prepare != nil {
		a.prepare(raw.Times, raw.Values)
	}
	name := raw.Labels
	if !a.keepName && !rollupfunc.Is(a.name, rollupfunc.KeepsName) {
		name = metricsqlvec.Without(name, metricsqlvec.NameLabel)
	}
	if a.spread != nil {
		return a.spreadOut(a.spread, a.layout, name, raw)
	}
	if err := a.columns(len(a.parts)); err != nil {
		return nil, err
	}
	out := make([]metricsqlvec.Series, len(a.parts))
	for i, p := range a.parts {
		tagged := name
		if p.tag != "" {
			tagged = metricsqlvec.With(name, "rollup", p.tag)
		}
		out[i] = metricsqlvec.Series{Labels: tagged, Values: a.layout.Apply(raw.Times, raw.Values, p.f)}
	}
	return out, nil
}

// spreadOut makes a series for each value that the label of a spread gets.
func (s scope) spreadOut(sp *spread, layout rollupfunc.Layout, name labels.Labels, one *column.Raw) ([]metricsqlvec.Series, error) {
	f := sp.make()
	made := map[string][]float64{}
	layout.Each(one.Times, one.Values, func(w *rollupfunc.Window) {
		f(w, func(label string, v float64) {
			column := made[label]
			if column == nil {
				column = rollupfunc.Absent(s.Len())
				made[label] = column
			}
			column[w.Point] = v
		})
	})
	if err := s.columns(len(made)); err != nil {
		return nil, err
	}
	var out []metricsqlvec.Series
	for _, label := range slices.Sorted(maps.Keys(made)) {
		out = append(out, metricsqlvec.Series{Labels: metricsqlvec.With(name, sp.label, label), Values: made[label]})
	}
	return out, nil
}
