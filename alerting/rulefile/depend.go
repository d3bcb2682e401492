package rulefile

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Levels orders the rules of a group for evaluation: rules of one level can be
// evaluated at once, and each reads what rules of the levels before record. The
// numbers are indexes of Rules, in order.
func (g *Group) Levels() [][]int {
	var levels [][]int
	at := make([]int, len(g.Rules))
	for i := range g.Rules {
		for j := range i {
			if g.reads(&g.Rules[i], &g.Rules[j]) {
				at[i] = max(at[i], at[j]+1)
			}
		}
		for len(levels) <= at[i] {
			levels = append(levels, nil)
		}
		levels[at[i]] = append(levels[at[i]], i)
	}
	return levels
}

// reads says whether a rule may read what another one yields. Of a language
// whose expressions are not looked into it may, if it is about metrics.
func (g *Group) reads(reader, writer *Rule) bool {
	yields := []string{writer.Record}
	if writer.Alert != "" {
		yields = []string{"ALERTS", "ALERTS_FOR_STATE"}
	}
	switch g.Language {
	case PromQL:
	case "logql", "traceql", "sql":
		return false
	default:
		return slices.ContainsFunc(yields, func(name string) bool { return strings.Contains(reader.Expr, name) })
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(reader.Expr)
	if err != nil {
		return true
	}
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			found = found || slices.ContainsFunc(yields, func(name string) bool { return selects(selector, name) })
		}
		return nil
	})
	return found
}

// selects says whether a selector can find series of a name.
func selects(selector *parser.VectorSelector, name string) bool {
	return !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && !m.Matches(name)
	})
}

// Data is the part of a PromQL expression that an alert's condition compares:
// `rate(x[5m])` of `rate(x[5m]) > 1`. When it yields nothing there is nothing to
// judge by. Of an expression that compares nothing it is the whole.
func Data(expr string) string {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return expr
	}
	for {
		switch e := parsed.(type) {
		case *parser.ParenExpr:
			parsed = e.Expr
		case *parser.BinaryExpr:
			if !e.Op.IsComparisonOperator() || e.ReturnBool {
				return parsed.String()
			}
			if parsed = e.LHS; e.LHS.Type() == parser.ValueTypeScalar {
				parsed = e.RHS
			}
		default:
			return parsed.String()
		}
	}
}
