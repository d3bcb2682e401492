package metricsqlplan

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// Options are what of a query decides over its plan.
type Options struct {
	Functions metricsqlfunc.Functions
	Now       time.Time
	// Grid is that of the query, and End its end, which need not be a step.
	Grid column.Grid
	End  int64
	// MaxPoints bounds the grid of a subquery.
	MaxPoints int
}

// Build plans an expression. Errors are *fault.Error.
func (o Options) Build(e metricsql.Expr) (metricplan.Node, error) {
	return (&builder{Options: o, outermost: true}).node(e)
}

// builder plans expressions that are evaluated on one grid. Of the grid of a subquery
// the times are right only without @, the distances always.
type builder struct {
	Options
	outermost bool
}

// tail is how far behind the last step the query ends, up to where samples are read: what
// comes after a window says how far samples are apart, and how a series goes on.
func (b *builder) tail(n *metricplan.Rollup) int64 {
	if !b.outermost || n.AtOf != nil {
		return 0
	}
	return b.End - b.Grid.End()
}

// on is a builder for expressions on another grid.
func (b *builder) on(g column.Grid) *builder {
	inner := &builder{Options: b.Options}
	inner.Grid = g
	return inner
}

func (b *builder) node(e metricsql.Expr) (metricplan.Node, error) {
	switch e := e.(type) {
	case *metricsql.MetricExpr:
		return b.latest(&metricsql.RollupExpr{Expr: e})
	case *metricsql.RollupExpr:
		return b.latest(e)
	case *metricsql.FuncExpr:
		f := *e
		f.Name = strings.ToLower(e.Name)
		if metricsql.IsRollupFunc(f.Name) {
			return b.rollup(&f)
		}
		return b.transform(&f)
	case *metricsql.AggrFuncExpr:
		return b.aggregate(e)
	case *metricsql.BinaryOpExpr:
		return b.binary(e)
	case *metricsql.NumberExpr:
		return &metricplan.Number{Value: e.N}, nil
	case *metricsql.DurationExpr:
		return &metricplan.Number{Value: float64(e.Duration(b.Grid.Step)) / 1000}, nil
	case *metricsql.StringExpr:
		return &metricplan.Text{Value: e.S}, nil
	}
	return nil, metricsqlparse.BadQuery(e, "is not known")
}

func (b *builder) nodes(all []metricsql.Expr) ([]metricplan.Node, error) {
	out := make([]metricplan.Node, len(all))
	for i, e := range all {
		var err error
		if out[i], err = b.node(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// call is a call of a function, with what was evaluated.
func (b *builder) call(f *metricsql.FuncExpr, env *metricplan.Env, args []metricplan.Operand) *metricsqlfunc.Call {
	given := make([][]column.Series, len(args))
	for i := range args {
		given[i] = args[i].Series
	}
	return &metricsqlfunc.Call{
		FuncExpr: f, Grid: env.Grid, Now: b.Now, Given: given,
		Account: func(columns int) error { return env.Room(int64(columns * env.Grid.N)) }, Share: env.Share,
	}
}

// transform plans a function that is neither a rollup nor an aggregation.
func (b *builder) transform(f *metricsql.FuncExpr) (metricplan.Node, error) {
	if f.Name == "end" && b.outermost && len(f.Args) == 0 {
		return &metricplan.Number{Value: float64(b.End) / 1000}, nil
	}
	f.Args = metricsqlfunc.Completed(f)
	args, err := b.nodes(f.Args)
	if err != nil {
		return nil, err
	}
	name := f.Name
	if name == "" {
		name = "union"
	}
	return &metricplan.Call{Name: name, Args: args, Across: !metricsqlfunc.Pointwise(f.Name), Func: func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		return b.Functions.Transform(b.call(f, env, args))
	}}, nil
}

// binary plans an operator.
func (b *builder) binary(e *metricsql.BinaryOpExpr) (metricplan.Node, error) {
	args, err := b.nodes([]metricsql.Expr{e.Left, e.Right})
	if err != nil {
		return nil, err
	}
	return &metricplan.Call{Name: operator(e), Args: args, Across: !metricsqlvec.Pointwise(e.Op), Func: func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		return metricsqlvec.Binary(e, args[0].Series, args[1].Series, env)
	}}, nil
}

// operator is an operator with its modifiers, as it is written.
func operator(e *metricsql.BinaryOpExpr) string {
	out := e.Op
	if e.Bool {
		out += " bool"
	}
	for _, m := range []metricsql.ModifierExpr{e.GroupModifier, e.JoinModifier} {
		if m.Op != "" {
			out += " " + m.Op + " (" + strings.Join(m.Args, ", ") + ")"
		}
	}
	return out
}

// scalar plans an expression that must come to one series, of which what says where
// it stands. The result has no labels.
func (b *builder) scalar(e metricsql.Expr, what string) (metricplan.Node, error) {
	n, err := b.node(e)
	if err != nil {
		return nil, err
	}
	if _, ok := n.(*metricplan.Number); ok {
		return n, nil
	}
	return &metricplan.Call{Name: "scalar", Args: []metricplan.Node{n}, Func: func(_ *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		if found := args[0].Series; len(found) == 1 {
			return []column.Series{{Values: found[0].Values}}, nil
		}
		return nil, metricsqlparse.BadQuery(e, "%s must be one series, it is %d", what, len(args[0].Series))
	}}, nil
}

// time plans what comes after @: the first value of one series, at every step.
func (b *builder) time(e metricsql.Expr) (metricplan.Node, error) {
	n, err := b.scalar(e, "after @")
	if err != nil {
		return nil, err
	}
	return &metricplan.Call{Name: "first", Args: []metricplan.Node{n}, Func: func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		values := args[0].Scalar()
		i := slices.IndexFunc(values, func(v float64) bool { return !math.IsNaN(v) })
		if i < 0 {
			return nil, metricsqlparse.BadQuery(e, "after @ has no value")
		}
		return metricsqlvec.Constant(env.Grid.N, values[i]), nil
	}}, nil
}
