package traceexec

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// Explain says in words how a query is answered, step by step.
func Explain(q *traceql.Query) []string {
	p := planPipeline(q.Pipeline)
	out := []string{"query " + q.String()}
	if m := q.Metrics; m != nil {
		switch _, pushed := pushdown(q, Grid{Step: 1, N: 1}); {
		case m.Compare != nil:
			return append(out, "the database counts the attributes of the spans, those that are selected and the others")
		case pushed:
			return append(out, fmt.Sprintf("the database evaluates %s, a row a step and group", m))
		}
	}
	out = append(out, "the database finds the traces with a span that may match, the newest first, in windows of time that widen")
	if n := len(p.also); n > 0 {
		out = append(out, fmt.Sprintf("and %d more spans that the structure of the query needs in the same trace", n))
	}
	if p.exact && len(p.also) == 0 {
		out = append(out, "its condition says all of the query")
	} else {
		out = append(out, "its condition lets more through than the query")
	}
	out = append(out, "the spans of these traces are read, and the query is evaluated on them")
	if m := q.Metrics; m != nil {
		out = append(out, fmt.Sprintf("%s is added up of the spans that match", m))
	}
	return out
}
