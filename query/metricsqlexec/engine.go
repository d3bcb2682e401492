package metricsqlexec

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
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
	return e.run(ctx, t, expr, func(s scope, parsed metricsql.Expr) (parser.Value, error) {
		end, step := at.UnixMilli(), InstantStep.Milliseconds()
		if r, ok := parsed.(*metricsql.RollupExpr); ok && r.Window != nil && r.At == nil {
			return s.window(r, end, step)
		}
		s.Grid = rollupfunc.Grid{Start: end, End: end, Step: step}
		found, err := s.eval(parsed)
		if err != nil {
			return nil, err
		}
		return vector(found, end), nil
	})
}

// Range evaluates an expression at start, start+step, … up to end. Errors are
// *fault.Error.
func (e *Engine) Range(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error) {
	most := e.config.Metrics.MaxPoints()
	switch {
	case step < time.Millisecond:
		return nil, fault.Param("step", errors.New("is shorter than a millisecond"))
	case end.Before(start):
		return nil, fault.Param("end", errors.New("is before start"))
	case end.Sub(start)/step > time.Duration(most):
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_points", Param: "step", Message: fmt.Sprintf(
			"more than %d points per series; use a longer step", most)}
	}
	return e.run(ctx, t, expr, func(s scope, parsed metricsql.Expr) (parser.Value, error) {
		s.Grid = rollupfunc.Grid{Start: start.UnixMilli(), End: end.UnixMilli(), Step: step.Milliseconds()}
		found, err := s.eval(parsed)
		if err != nil {
			return nil, err
		}
		return s.matrix(found), nil
	})
}

// run evaluates with all that surrounds it: limits, order, statistics.
func (e *Engine) run(ctx context.Context, t tenant.ID, expr string, eval func(scope, metricsql.Expr) (parser.Value, error)) (*metricexec.Result, error) {
	began := time.Now()
	limits := e.config.Metrics.Limits()
	ctx, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	reader := e.config.Metrics.NewReader(t)
	res := &metricexec.Result{Query: expr}
	parsed, err := metricsqlparse.Parse(expr)
	if err == nil {
		s := scope{evaluation: &evaluation{ctx: ctx, functions: e.functions, reader: reader, limits: limits, now: e.config.Now()}}
		res.Value, err = eval(s, parsed)
	}
	if err == nil {
		err = finish(res.Value, metricsqlfunc.Ordered(parsed))
	}
	res.Stats = reader.Stats()
	res.Stats.Elapsed = time.Since(began)
	if err != nil {
		f := fault.Of(err)
		e.config.Observe(res.Stats, f)
		return nil, f
	}
	e.config.Observe(res.Stats, nil)
	return res, nil
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
func (s scope) window(r *metricsql.RollupExpr, end, step int64) (parser.Value, error) {
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
		return s.samples(m, min(end-width+1, end), end)
	}
	s.Grid = rollupfunc.Grid{Start: end - width, End: end, Step: step}
	if s.Len() > maxSubqueryPoints {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_points", Message: fmt.Sprintf("more than %d points; use a longer step", maxSubqueryPoints)}
	}
	found, err := s.eval(r.Expr)
	if err != nil {
		return nil, err
	}
	return s.matrix(found), nil
}

// samples is the samples of a selector as stored.
func (s scope) samples(m *metricsql.MetricExpr, from, to int64) (parser.Value, error) {
	sets, err := metricsqlparse.Matchers(m)
	if err != nil {
		return nil, err
	}
	var made places[promql.Series]
	err = s.reader.Each(s.ctx, sets, from, to, false, func(place int, raw *column.Raw) error {
		raw.WithoutStale()
		points := make([]promql.FPoint, len(raw.Times))
		for i, t := range raw.Times {
			points[i] = promql.FPoint{T: t, F: raw.Values[i]}
		}
		if len(points) > 0 {
			made.put(place, promql.Series{Metric: raw.Labels, Floats: points})
		}
		return nil
	})
	return promql.Matrix(made.inOrder()), err
}

func vector(found []metricsqlvec.Series, at int64) promql.Vector {
	out := promql.Vector{}
	for _, s := range found {
		if v := s.Values[0]; !math.IsNaN(v) {
			out = append(out, promql.Sample{Metric: s.Labels, T: at, F: v})
		}
	}
	return out
}

func (s scope) matrix(found []metricsqlvec.Series) promql.Matrix {
	out := promql.Matrix{}
	for _, one := range found {
		var points []promql.FPoint
		for p, v := range one.Values {
			if !math.IsNaN(v) {
				points = append(points, promql.FPoint{T: s.Time(p), F: v})
			}
		}
		if len(points) > 0 {
			out = append(out, promql.Series{Metric: one.Labels, Floats: points})
		}
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
