package promexpr

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/query/spelling"
)

// Facts is what is known of an expression without evaluating it.
type Facts struct {
	Spelled spelling.Names
	Reads   []Read
	Reach   int64 // see reachOf
}

// Facts are those of an expression, and how far it looks back for the last sample of
// a series. One that does not parse spells and reads nothing, and cannot be cut into
// steps; the error is its evaluation's to tell.
func (p Parser) Facts(expr string, lookback time.Duration) Facts {
	parsed, spelled, err := p.Spelled(expr)
	if err != nil {
		return Facts{Reach: -1}
	}
	return Facts{spelled, readsOf(parsed, spelled, lookback), reachOf(parsed, lookback)}
}

// reachOf is how long before a step an expression reads, -1 if it cannot be
// evaluated step by step, or reads nothing.
func reachOf(expr parser.Expr, lookback time.Duration) int64 {
	reach, alone := time.Duration(-1), true
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.Call:
			switch n.Func.Name {
			case "info", "start", "end", "range", "step":
				alone = false
			}
		case *parser.AggregateExpr:
			alone = alone && n.Op != parser.LIMITK && n.Op != parser.LIMIT_RATIO
		case *parser.MatrixSelector:
			alone = alone && n.RangeExpr == nil
		case *parser.SubqueryExpr:
			alone = alone && n.RangeExpr == nil && n.StepExpr == nil && n.OriginalOffsetExpr == nil &&
				n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0
		case *parser.VectorSelector:
			alone = alone && n.OriginalOffsetExpr == nil && n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0 &&
				!n.Anchored && !n.Smoothed
			length := lookback + n.OriginalOffset
			for _, above := range path {
				switch a := above.(type) {
				case *parser.MatrixSelector:
					length += a.Range
				case *parser.SubqueryExpr:
					length += a.Range + a.OriginalOffset + max(a.Step, DefaultSubqueryStep)
				}
			}
			reach = max(reach, length)
		}
		return nil
	})
	if !alone || reach < 0 {
		return -1
	}
	return reach.Milliseconds()
}
