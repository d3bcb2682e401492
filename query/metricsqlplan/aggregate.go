package metricsqlplan

import (
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// shared are the aggregations that PromQL has too. The rounding of its sums is
// better, and it makes them as series come.
var shared = map[string]metricplan.Op{
	"sum": parser.SUM, "avg": parser.AVG, "min": parser.MIN, "max": parser.MAX, "count": parser.COUNT, "group": parser.GROUP,
	"stddev": parser.STDDEV, "stdvar": parser.STDVAR,
}

// aggregate plans an aggregation; one with a limit on groups, or of several
// arguments, as a call.
func (b *builder) aggregate(e *metricsql.AggrFuncExpr) (metricplan.Node, error) {
	args, err := b.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(e.Name)
	op, ok := shared[name]
	if !ok || e.Limit > 0 || len(args) != 1 {
		f := &metricsql.FuncExpr{Name: name, Args: e.Args}
		return &metricplan.Call{Name: grouped(name, e.Modifier), Args: args, Across: true, Func: func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
			return b.Functions.Aggregate(b.call(f, env, args), e)
		}}, nil
	}
	n := &metricplan.Aggregate{Name: name, Op: op, Expr: args[0], Labels: slices.Clone(e.Modifier.Args)}
	if strings.EqualFold(e.Modifier.Op, "without") {
		n.Without, n.Labels = true, append(n.Labels, metricsqlvec.NameLabel)
	}
	slices.Sort(n.Labels)
	n.Labels = slices.Compact(n.Labels)
	return n, nil
}

// grouped is an aggregation as it is written.
func grouped(name string, m metricsql.ModifierExpr) string {
	if m.Op == "" {
		return name
	}
	return name + " " + m.Op + " (" + strings.Join(m.Args, ", ") + ")"
}
