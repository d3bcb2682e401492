package metricsqlparse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// maxQuery bounds an expression: WITH templates make more of it than is written.
const maxQuery = 64 << 10

// Parse reads an expression as it is evaluated: templates filled in, series left
// of what they are compared with. Errors are *fault.Error with a position where
// the parser tells one.
func Parse(query string) (metricsql.Expr, error) {
	if len(query) > maxQuery {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_query_length", Message: fmt.Sprintf("query is longer than %d bytes", maxQuery)}
	}
	if strings.TrimSpace(query) == "" {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "parse error: no expression found in input"}
	}
	if depth(query) > maxDepth {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_query_depth", Message: fmt.Sprintf("query nests deeper than %d", maxDepth)}
	}
	e, err := metricsql.Parse(query)
	if err != nil {
		return nil, mistake(query, err)
	}
	return turnComparisons(metricsql.Optimize(e)), nil
}

// maxDepth bounds how deep parentheses and brackets nest.
const maxDepth = 200

// depth is how deep the brackets of a query nest at most, quoted ones included.
func depth(query string) int {
	deepest, now := 0, 0
	for i := range len(query) {
		switch query[i] {
		case '(', '[', '{':
			now++
			deepest = max(deepest, now)
		case ')', ']', '}':
			now--
		}
	}
	return deepest
}

// mistake is the error of the parser, which ends with what it had not read yet.
func mistake(query string, err error) *fault.Error {
	text := err.Error()
	f := &fault.Error{Code: fault.BadQuery, Message: "parse error: " + text, Err: err}
	marker := "; unparsed data: "
	i := strings.LastIndex(text, marker)
	if i < 0 {
		if marker = "unparsed data left: "; !strings.HasPrefix(text, marker) {
			return f
		}
		i, f.Message = 0, "parse error: the expression ends before this"
	} else {
		f.Message = "parse error: " + text[:i]
	}
	rest, err := strconv.QuotedPrefix(text[i+len(marker):])
	if err != nil {
		return f
	}
	if rest, err = strconv.Unquote(rest); err == nil && strings.HasSuffix(query, rest) {
		f.Position = fault.PositionOf(query, len(query)-len(rest))
	}
	return f
}

// turnComparisons puts the series left where a number or time() is compared
// with it, so that it is the series' values that are kept.
func turnComparisons(e metricsql.Expr) metricsql.Expr {
	turned := map[string]string{">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
	metricsql.VisitAll(e, func(e metricsql.Expr) {
		b, ok := e.(*metricsql.BinaryOpExpr)
		if !ok || !metricsql.IsBinaryOpCmp(b.Op) || isNumber(b.Right) || !isNumber(b.Left) && !isTime(b.Left) {
			return
		}
		b.Left, b.Right, b.Op = b.Right, b.Left, turned[b.Op]
	})
	return e
}

func isNumber(e metricsql.Expr) bool {
	_, ok := e.(*metricsql.NumberExpr)
	return ok
}

func isTime(e metricsql.Expr) bool {
	f, ok := e.(*metricsql.FuncExpr)
	return ok && strings.EqualFold(f.Name, "time")
}

// Selector is sets of matchers; a series is meant if it matches one set.
type Selector [][]*labels.Matcher

// Matchers are the selector of a metric expression. Errors are *fault.Error.
func Matchers(m *metricsql.MetricExpr) (Selector, error) {
	sets := make(Selector, 0, len(m.LabelFilterss))
	for _, filters := range m.LabelFilterss {
		set := make([]*labels.Matcher, len(filters))
		for i, f := range filters {
			var err error
			if set[i], err = labels.NewMatcher(matchType(f), f.Label, f.Value); err != nil {
				return nil, &fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf("matcher of %q: %v", f.Label, err), Err: err}
			}
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func matchType(f metricsql.LabelFilter) labels.MatchType {
	switch {
	case f.IsRegexp && f.IsNegative:
		return labels.MatchNotRegexp
	case f.IsRegexp:
		return labels.MatchRegexp
	case f.IsNegative:
		return labels.MatchNotEqual
	}
	return labels.MatchEqual
}

// Text is an expression as it is written.
func Text(e metricsql.Expr) string { return string(e.AppendString(nil)) }

// BadQuery is a mistake in a part of a query.
func BadQuery(e metricsql.Expr, format string, args ...any) *fault.Error {
	return &fault.Error{Code: fault.BadQuery, Message: Shorten(Text(e)) + ": " + fmt.Sprintf(format, args...)}
}

// Shorten keeps a message readable.
func Shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
