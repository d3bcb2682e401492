package plugin

import (
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var matchTypes = map[string]labels.MatchType{
	"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp,
}

// withFilters adds a dashboard's ad-hoc filters to every selector of a metric
// expression.
func withFilters(expr string, filters []attributeFilter) (string, error) {
	var matchers []*labels.Matcher
	for _, f := range filters {
		if f.Key == "" {
			continue
		}
		kind, ok := matchTypes[f.Op]
		if !ok {
			return "", invalid("filter %s: operator %q is none of =, !=, =~ and !~", f.Key, f.Op)
		}
		m, err := labels.NewMatcher(kind, f.Key, f.Value)
		if err != nil {
			return "", invalid("filter %s: %v", f.Key, err)
		}
		matchers = append(matchers, m)
	}
	if len(matchers) == 0 {
		return expr, nil
	}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return "", invalid("the dashboard's filters cannot be added to an expression that is not PromQL: %v", err)
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			s.LabelMatchers = append(s.LabelMatchers, matchers...)
		}
		return nil
	})
	return parsed.String(), nil
}
