package language

import (
	"slices"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
)

func logQL(text string) (*Expr, error) {
	m, err := logexec.Parse(text)
	if err != nil {
		return nil, err
	}
	e := &Expr{Text: m.String(), Kind: Vector, Data: comparedLogs(m).String()}
	if _, number := m.(*logql.Number); number {
		e.Kind = Scalar
	}
	return e, nil
}

// comparedLogs is what an expression compares, itself if it compares nothing.
func comparedLogs(m logql.Metric) logql.Metric {
	for {
		b, ok := m.(*logql.Binary)
		if !ok || b.Bool || !slices.Contains([]string{"==", "!=", ">", ">=", "<", "<="}, b.Op) {
			return m
		}
		if m = b.Left; isNumber(b.Left) {
			m = b.Right
		}
	}
}

func isNumber(m logql.Metric) bool {
	_, ok := m.(*logql.Number)
	return ok
}
