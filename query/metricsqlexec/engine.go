package metricsqlexec

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// InstantStep is the step of an evaluation at one time, and with it the window
// of what names none.
const InstantStep = 5 * time.Minute

// Config configures an Engine.
type Config struct {
	// Metrics reads the samples and has the limits.
	Metrics *metricexec.Engine
	// Observe is told of every evaluation that was tried; nil for nobody.
	Observe func(metricexec.Stats, error)
	Now     func() time.Time
}

// maxSubqueryPoints bounds the grid of a subquery.
const maxSubqueryPoints = 100_000

// Engine evaluates MetricsQL. It is safe for concurrent use.
type Engine struct {
	config    Config
	functions metricsqlfunc.Functions
}

// New makes an engine.
func New(c Config) *Engine {
	if c.Observe == nil {
		c.Observe = func(metricexec.Stats, error) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{c, metricsqlfunc.New()}
}

// Instant evaluates an expression at one time. A selector with a window is a
// matrix of its samples, and an expression with one a matrix on the grid that
// its step makes; anything else is a vector. Errors are *fault.Error.
func (e *Engine) Instant(ctx context.Context, t tenant.ID, expr string, at time.Time) (*metricexec.Result, error) {
	parsed, err := e.parse(expr)
	if err != nil {
		return nil, err
	}
	end, step := at.UnixMilli(), InstantStep.Milliseconds()
	if r, ok := parsed.(*metricsql.RollupExpr); ok && r.Window != nil && r.At == nil {
		return e.window(ctx, t, expr, r, end, step)
	}
	return e.config.Metrics.On(ctx, t, e.query(expr, parsed, vector), column.Grid{Start: end, Step: step, N: 1}, end)
}

// Range evaluates an expression at start, start+step, … up to end. Errors are
// *fault.Error.
func (e *Engine) Range(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error) {
	parsed, err := e.parse(expr)
	if err != nil {
		return nil, err
	}
	return e.config.Metrics.Steps(ctx, t, e.query(expr, parsed, matrix), start, end, step)
}

// parse reads an expression; a mistake counts as an evaluation.
func (e *Engine) parse(expr string) (metricsql.Expr, error) {
	parsed, err := metricsqlparse.Parse(expr)
	if err != nil {
		f := fault.Of(err)
		e.config.Observe(metricexec.Stats{}, f)
		return nil, f
	}
	return parsed, nil
}

// query is an expression to be evaluated, whose answer is made by value.
func (e *Engine) query(expr string, parsed metricsql.Expr, value func([]column.Series, column.Grid) parser.Value) *metricexec.Other {
	now := e.config.Now()
	return &metricexec.Other{
		Language: "metricsql", Expr: expr, Observe: e.config.Observe,
		Plan: func(g column.Grid, end int64) (metricplan.Node, error) {
			return metricsqlplan.Options{Functions: e.functions, Now: now, Grid: g, End: end, MaxPoints: maxSubqueryPoints}.Build(parsed)
		},
		Value: func(found []column.Series, g column.Grid) (parser.Value, error) {
			v := value(found, g)
			return v, finish(v, metricsqlfunc.Ordered(parsed))
		},
	}
}

// finish sorts what has no order of its own, and refuses an answer with two
// series of the same labels.
func finish(v parser.Value, ordered bool) error {
	seen := map[string]bool{}
	check := func(l labels.Labels) error {
		k := metricsqlvec.Key(l)
		if seen[k] {
			return &fault.Error{Code: fault.Execution, Message: "two series of the result have the labels " + l.String()}
		}
		seen[k] = true
		return nil
	}
	switch v := v.(type) {
	case promql.Vector:
		if !ordered {
			slices.SortStableFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
		}
		for _, s := range v {
			if err := check(s.Metric); err != nil {
				return err
			}
		}
	case promql.Matrix:
		if !ordered {
			slices.SortStableFunc(v, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
		}
		for _, s := range v {
			if err := check(s.Metric); err != nil {
				return err
			}
		}
	}
	return nil
}

// window is the instant answer to an expression with a window.
func (e *Engine) window(ctx context.Context, t tenant.ID, expr string, r *metricsql.RollupExpr, end, step int64) (*metricexec.Result, error) {
	m, isSelector := r.Expr.(*metricsql.MetricExpr)
	isSelector = isSelector && !r.ForSubquery()
	if !isSelector {
		if inner, err := r.Step.NonNegativeDuration(step); err != nil {
			return nil, metricsqlparse.BadQuery(r, "%v", err)
		} else if inner > 0 {
			step = inner
		}
	}
	width, err := r.Window.NonNegativeDuration(step)
	if err != nil {
		return nil, metricsqlparse.BadQuery(r, "%v", err)
	}
	if r.Offset != nil {
		end -= r.Offset.Duration(step)
	}
	if isSelector {
		sets, err := metricsqlparse.Matchers(m)
		if err != nil {
			return nil, err
		}
		res, err := e.config.Metrics.Samples(ctx, t, e.query(expr, r, matrix), metricsqlplan.Selector(sets), min(end-width+1, end), end)
		if err != nil {
			return nil, err
		}
		if err := finish(res.Value, false); err != nil {
			return nil, err
		}
		return res, nil
	}
	g := column.GridOf(end-width, end, step)
	if g.N > maxSubqueryPoints {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_points", Message: fmt.Sprintf("more than %d points; use a longer step", maxSubqueryPoints)}
	}
	return e.config.Metrics.On(ctx, t, e.query(expr, r.Expr, matrix), g, end)
}

func vector(found []column.Series, g column.Grid) parser.Value {
	out := promql.Vector{}
	for _, s := range found {
		if v := s.Values[0]; !math.IsNaN(v) {
			out = append(out, promql.Sample{Metric: s.Labels, T: g.Start, F: v})
		}
	}
	return out
}

func matrix(found []column.Series, g column.Grid) parser.Value {
	out := promql.Matrix{}
	for _, one := range found {
		n := 0
		for _, v := range one.Values {
			if !math.IsNaN(v) {
				n++
			}
		}
		if n == 0 {
			continue
		}
		points := make([]promql.FPoint, 0, n)
		for p, v := range one.Values {
			if !math.IsNaN(v) {
				points = append(points, promql.FPoint{T: g.Time(p), F: v})
			}
		}
		out = append(out, promql.Series{Metric: one.Labels, Floats: points})
	}
	return out
}

// Selectors reads selectors as match[] has them: the sets of matchers of all.
func (e *Engine) Selectors(match []string) ([][]*labels.Matcher, error) {
	var out [][]*labels.Matcher
	for _, text := range match {
		parsed, err := metricsqlparse.Parse(text)
		if err != nil {
			return nil, err
		}
		m, ok := parsed.(*metricsql.MetricExpr)
		if !ok {
			return nil, metricsqlparse.BadQuery(parsed, "is not a selector")
		}
		sets, err := metricsqlparse.Matchers(m)
		if err != nil {
			return nil, err
		}
		metricexec.Normalise(sets)
		out = append(out, sets...)
	}
	return out, nil
}

// Format lays an expression out for people.
func (e *Engine) Format(expr string) (string, error) {
	if _, err := metricsqlparse.Parse(expr); err != nil {
		return "", err
	}
	return metricsql.Prettify(expr)
}

// Tree is not offered: Prometheus's trees have no place for what MetricsQL has.
func (e *Engine) Tree(string) (json.RawMessage, error) {
	return nil, &fault.Error{Code: fault.Unsupported, Message: "parse_query is for PromQL, under /prometheus"}
}
