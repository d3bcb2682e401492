package main

import (
	"errors"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// checkTraceQL is the Check of TraceQL: its own parser, and that the query
// gives series.
func checkTraceQL(expr string) (string, error) {
	q, err := traceql.Parse(expr)
	if e, ok := errors.AsType[*traceql.Error](err); ok {
		return "", &rulefile.ExprError{Offset: e.Offset, Message: e.Message}
	}
	if q.Metrics == nil {
		return "", &rulefile.ExprError{Offset: len(expr), Message: "a rule needs series; add a function, as in | rate()"}
	}
	return q.String(), nil
}
