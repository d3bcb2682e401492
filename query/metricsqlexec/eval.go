package metricsqlexec

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// evaluation is of one query.
type evaluation struct {
	ctx       context.Context
	functions functions
	reader    *metricexec.Reader
	limits    metricexec.Limits
	now       time.Time
	points    int // made so far, all columns together
}

// functions are the ones that need more than floats, by name.
type functions struct {
	transforms map[string]transformFunc
	aggregates map[string]aggregateFunc
}

type (
	transformFunc func(*call) ([]series, error)
	aggregateFunc func(*aggregation) ([]series, error)
)

func newFunctions() functions {
	f := functions{transforms: transforms(), aggregates: selecting()}
	for _, more := range []map[string]transformFunc{labelFunctions(), bucketFunctions(), sorts()} {
		maps.Copy(f.transforms, more)
	}
	return f
}

// scope is an evaluation on a grid.
type scope struct {
	*evaluation
	rollupfunc.Grid
}

func (s scope) on(g rollupfunc.Grid) scope { return scope{s.evaluation, g} }

// eval evaluates an expression.
func (s scope) eval(e metricsql.Expr) ([]series, error) {
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
		return s.transform(&call{scope: s, FuncExpr: &f})
	case *metricsql.AggrFuncExpr:
		return s.aggregate(e)
	case *metricsql.BinaryOpExpr:
		return s.binary(e)
	case *metricsql.NumberExpr:
		return constant(s.Len(), e.N), nil
	case *metricsql.DurationExpr:
		return constant(s.Len(), float64(e.Duration(s.Step))/1000), nil
	case *metricsql.StringExpr:
		return nil, nil // a text has no value
	}
	return nil, badQuery(e, "is not known")
}

func text(e metricsql.Expr) string { return string(e.AppendString(nil)) }

// badQuery is a mistake in a part of a query.
func badQuery(e metricsql.Expr, format string, args ...any) *fault.Error {
	return &fault.Error{Code: fault.BadQuery, Message: shorten(text(e)) + ": " + fmt.Sprintf(format, args...)}
}

// shorten keeps a message readable.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// account counts the values of columns against the limit of samples, since they
// are as large.
func (s *evaluation) account(columns, points int) error {
	if s.points += columns * points; s.points > s.limits.MaxSamples {
		return &fault.Error{Code: fault.Limit, Limit: "max_samples", Message: fmt.Sprintf(
			"query makes more than %d values; use a longer step, narrow the query or raise the limit", s.limits.MaxSamples)}
	}
	return nil
}
