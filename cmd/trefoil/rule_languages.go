package main

import (
	"errors"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// ruleLanguages are the values a rule group's type may have; each is checked by
// the language's own parser before a rule is run.
func ruleLanguages() map[rulefile.Language]rulefile.Check {
	return map[rulefile.Language]rulefile.Check{
		rulefile.PromQL: rulefile.CheckPromQL,
		"traceql":       checkTraceQL,
	}
}

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
