package language

import (
	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/metricsqlexec"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
)

// metricsQL leaves the text as it is: what its parser prints has templates
// filled in and matchers moved.
func metricsQL(text string) (*Expr, error) {
	expr, err := metricsqlparse.Parse(text)
	if err != nil {
		return nil, err
	}
	e := &Expr{Text: text, Kind: kindOf(expr), Data: text, Window: metricsqlexec.InstantStep}
	if data := comparedBy(expr); data != expr {
		e.Data = string(data.AppendString(nil))
	}
	metricsql.VisitAll(expr, func(node metricsql.Expr) {
		selector, ok := node.(*metricsql.MetricExpr)
		if !ok || err != nil {
			return
		}
		var sets metricsqlparse.Selector
		if sets, err = metricsqlparse.Matchers(selector); err != nil {
			return
		}
		for _, set := range sets {
			e.reads = append(e.reads, named(set))
		}
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func kindOf(e metricsql.Expr) Kind {
	switch e.(type) {
	case *metricsql.NumberExpr, *metricsql.DurationExpr:
		return Scalar
	case *metricsql.StringExpr:
		return String
	}
	return Vector
}

// comparedBy is what an expression compares: the parser of metricsqlexec has
// put the series left.
func comparedBy(expr metricsql.Expr) metricsql.Expr {
	for {
		b, ok := expr.(*metricsql.BinaryOpExpr)
		if !ok || b.Bool || !metricsql.IsBinaryOpCmp(b.Op) {
			return expr
		}
		expr = b.Left
	}
}
