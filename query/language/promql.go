package language

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// promql reads what the engine evaluates, with Prometheus's own parser. Text
// has the label names as they were written.
func promql(f promexpr.Features) Parse {
	p := promexpr.NewParser(f).Parser
	return func(text string) (*Expr, error) {
		expr, err := p.ParseExpr(text)
		if err != nil {
			return nil, err
		}
		return exprOf(expr), nil
	}
}

func exprOf(expr parser.Expr) *Expr {
	kinds := map[parser.ValueType]Kind{parser.ValueTypeScalar: Scalar, parser.ValueTypeMatrix: Matrix, parser.ValueTypeString: String, parser.ValueTypeVector: Vector}
	e := &Expr{Text: expr.String(), Kind: kinds[expr.Type()], Data: compared(expr).String()}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			e.reads = append(e.reads, named(selector.LabelMatchers))
		}
		return nil
	})
	return e
}

// compared is what an expression compares, itself if it compares nothing.
func compared(expr parser.Expr) parser.Expr {
	for {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.BinaryExpr:
			if !e.Op.IsComparisonOperator() || e.ReturnBool {
				return expr
			}
			if expr = e.LHS; e.LHS.Type() == parser.ValueTypeScalar {
				expr = e.RHS
			}
		default:
			return expr
		}
	}
}

// named are the matchers on the metric's name.
func named(matchers []*labels.Matcher) []*labels.Matcher {
	var out []*labels.Matcher
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			out = append(out, m)
		}
	}
	return out
}
