package promexpr

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
)

// DefaultSubqueryStep is the step of a subquery that names none: Prometheus's
// default evaluation interval.
const DefaultSubqueryStep = time.Minute

// Read is a selector of an expression and how far before the time of
// evaluation it reads, in milliseconds: from Back to Ahead.
type Read struct {
	Key         string // the selector's
	Selector    seriesview.Selector
	Back, Ahead int64
}

// readsOf lists the selectors of an expression that name their metrics. Those
// at fixed times are left out.
func readsOf(expr parser.Expr, spelled spelling.Names, lookback time.Duration) []Read {
	var out []Read
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok || v.Timestamp != nil || v.StartOrEnd != 0 {
			return nil
		}
		length, offset := lookback, v.OriginalOffset
		for _, above := range path {
			switch n := above.(type) {
			case *parser.MatrixSelector:
				length = max(length, n.Range)
			case *parser.SubqueryExpr:
				if n.Timestamp != nil || n.StartOrEnd != 0 {
					return nil
				}
				// A subquery's times are multiples of its step.
				length += n.Range + max(n.Step, DefaultSubqueryStep)
				offset += n.OriginalOffset
			}
		}
		s := seriesview.NewSelector(v.LabelMatchers, spelled)
		if s.Names() == nil {
			return nil
		}
		out = append(out, Read{
			Key: s.Key(), Selector: s,
			Back: (offset + length).Milliseconds() + 1, Ahead: min(offset.Milliseconds(), 0),
		})
		return nil
	})
	return out
}
