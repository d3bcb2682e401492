package language

import (
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/traceexec"
)

func traceQL(text string) (*Expr, error) {
	q, err := traceexec.Parse(text)
	if err != nil {
		return nil, err
	}
	if q.Metrics == nil {
		return nil, wrong(text, len(strings.TrimRight(text, " \t\r\n")), "parse error: a search of traces where series are wanted; add a function, as in | rate()")
	}
	window, err := traceexec.Window(q)
	if err != nil {
		return nil, err
	}
	e := &Expr{Text: q.String(), Kind: Vector, Window: window}
	data := *q
	for n := len(data.Stages); n > 0 && isComparison(data.Stages[n-1].Op); n = len(data.Stages) {
		data.Stages = data.Stages[:n-1]
	}
	e.Data = data.String()
	return e, nil
}

func isComparison(op string) bool {
	return slices.Contains([]string{"=", "!=", ">", ">=", "<", "<="}, op)
}
