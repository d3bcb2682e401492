package metricsqlexec

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// evaluation is of one query.
type evaluation struct {
	ctx       context.Context
	functions metricsqlfunc.Functions
	reader    *metricexec.Reader
	limits    metricexec.Limits
	now       time.Time
	points    atomic.Int64 // made so far, all columns together
}

// scope is an evaluation on a grid.
type scope struct {
	*evaluation
	rollupfunc.Grid
}

func (s scope) on(g rollupfunc.Grid) scope { return scope{s.evaluation, g} }

// eval evaluates an expression.
func (s scope) eval(e metricsql.Expr) ([]metricsqlvec.Series, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *metricsql.MetricExpr:
		return s.rollup(rollup{name: "default_rollup", arg: &metricsql.RollupExpr{Expr: e}})
	case *metricsql.RollupExpr:
		return s.rollup(rollup{name: "default_rollup", arg: e})
	case *metricsql.FuncExpr:
		f := *e
		f.Name = strings.ToLower(e.Name)
		if metricsql.IsRollupFunc(f.Name) {
			return s.rollupCall(&f)
		}
		return s.functions.Transform(s.call(&f))
	case *metricsql.AggrFuncExpr:
		return s.functions.Aggregate(s.call(&metricsql.FuncExpr{Name: strings.ToLower(e.Name), Args: e.Args}), e)
	case *metricsql.BinaryOpExpr:
		return s.binary(e)
	case *metricsql.NumberExpr:
		return metricsqlvec.Constant(s.Len(), e.N), nil
	case *metricsql.DurationExpr:
		return metricsqlvec.Constant(s.Len(), float64(e.Duration(s.Step))/1000), nil
	case *metricsql.StringExpr:
		return nil, nil // a text has no value
	}
	return nil, metricsqlparse.BadQuery(e, "is not known")
}

// call is a call of a function in the scope.
func (s scope) call(f *metricsql.FuncExpr) *metricsqlfunc.Call {
	return &metricsqlfunc.Call{FuncExpr: f, Grid: s.Grid, Now: s.now, Eval: s.eval, Account: s.columns}
}

func (s scope) binary(b *metricsql.BinaryOpExpr) ([]metricsqlvec.Series, error) {
	left, err := s.eval(b.Left)
	if err != nil {
		return nil, err
	}
	right, err := s.eval(b.Right)
	if err != nil {
		return nil, err
	}
	return metricsqlvec.Binary(b, left, right, s.Len(), s.columns)
}

// columns accounts for columns of the grid.
func (s scope) columns(n int) error { return s.account(n, s.Len()) }

// account counts the values of columns against the limit of samples, since they
// are as large.
func (s *evaluation) account(columns, points int) error {
	if s.points.Add(int64(columns*points)) > int64(s.limits.MaxSamples) {
		return &fault.Error{Code: fault.Limit, Limit: "max_samples", Message: fmt.Sprintf(
			"query makes more than %d values; use a longer step, narrow the query or raise the limit", s.limits.MaxSamples)}
	}
	return nil
}
