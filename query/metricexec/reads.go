package metricexec

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/spelling"
)

// relativeRead is a selector of an expression and how far before the time of
// evaluation it reads, in milliseconds: from back to ahead.
type relativeRead struct {
	key         string
	selector    selector
	back, ahead int64
}

// readsOf lists the selectors of an expression that name their metrics. Those
// at fixed times are left out.
func readsOf(expr parser.Expr, spelled spelling.Names, lookback time.Duration) []relativeRead {
	var out []relativeRead
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
				length += n.Range + max(n.Step, defaultSubqueryStep)
				offset += n.OriginalOffset
			}
		}
		s := newSelector(v.LabelMatchers, spelled)
		if s.names() == nil {
			return nil
		}
		out = append(out, relativeRead{
			key: s.key(), selector: s,
			back: (offset + length).Milliseconds() + 1, ahead: min(offset.Milliseconds(), 0),
		})
		return nil
	})
	return out
}
