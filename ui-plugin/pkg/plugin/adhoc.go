package plugin

import (
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var matchTypes = map[string]labels.MatchType{
	"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp,
}

// withFilters adds a dashboard's ad-hoc filters to every selector of a query.
func withFilters(language, text string, all []attributeFilter) (string, error) {
	var filters []attributeFilter
	for _, f := range all {
		if f.Key == "" {
			continue
		}
		if _, ok := matchTypes[f.Op]; !ok {
			return "", invalid("filter %s: operator %q is none of =, !=, =~ and !~", f.Key, f.Op)
		}
		filters = append(filters, f)
	}
	if len(filters) == 0 {
		return text, nil
	}
	switch language {
	case "metricsql":
		return filterMetricsQL(text, filters)
	case "logql":
		return inBraces(text, func(inner string) string { return joined(inner, ", ", logMatchers(filters)) }), nil
	case "traceql":
		return inBraces(text, func(inner string) string {
			if strings.TrimSpace(inner) != "" {
				inner = "(" + inner + ")"
			}
			return " " + joined(inner, " && ", spanConditions(filters)) + " "
		}), nil
	default:
		return filterPromQL(text, filters)
	}
}

func joined(inner, by string, more []string) string {
	if strings.TrimSpace(inner) == "" {
		return strings.Join(more, by)
	}
	return inner + by + strings.Join(more, by)
}

func filterPromQL(text string, filters []attributeFilter) (string, error) {
	var matchers []*labels.Matcher
	for _, f := range filters {
		m, err := labels.NewMatcher(matchTypes[f.Op], f.Key, f.Value)
		if err != nil {
			return "", invalid("filter %s: %v", f.Key, err)
		}
		matchers = append(matchers, m)
	}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(text)
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

func filterMetricsQL(text string, filters []attributeFilter) (string, error) {
	parsed, err := metricsql.Parse(text)
	if err != nil {
		return "", invalid("the dashboard's filters cannot be added to an expression that is not MetricsQL: %v", err)
	}
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		m, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		if len(m.LabelFilterss) == 0 {
			m.LabelFilterss = append(m.LabelFilterss, nil)
		}
		for i := range m.LabelFilterss {
			for _, f := range filters {
				m.LabelFilterss[i] = append(m.LabelFilterss[i], metricsql.LabelFilter{
					Label: f.Key, Value: f.Value, IsNegative: f.Op[0] == '!', IsRegexp: f.Op[1:] == "~"})
			}
		}
	})
	return string(parsed.AppendString(nil)), nil
}

func logMatchers(filters []attributeFilter) []string {
	out := make([]string, len(filters))
	for i, f := range filters {
		out[i] = logLabel(f.Key) + f.Op + strconv.Quote(f.Value)
	}
	return out
}

func spanConditions(filters []attributeFilter) []string {
	out := make([]string, len(filters))
	for i, f := range filters {
		out[i] = attributeName(f.Key) + " " + f.Op + " " + valueOf(f)
	}
	return out
}

// inBraces rewrites what stands between each pair of braces: in LogQL and TraceQL
// these are the selections, and nothing else outside of quoted text has braces.
func inBraces(text string, rewrite func(inner string) string) string {
	var out strings.Builder
	rest := text
	for {
		open := brace(rest, '{')
		if open < 0 {
			break
		}
		end := brace(rest[open+1:], '}')
		if end < 0 {
			break
		}
		end += open + 1
		out.WriteString(rest[:open+1] + rewrite(rest[open+1:end]) + "}")
		rest = rest[end+1:]
	}
	out.WriteString(rest)
	return out.String()
}

// brace finds the first brace that is not within quotes or a comment.
func brace(text string, wanted byte) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case wanted:
			return i
		case '"', '`':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && c == '"' {
					i++
				}
			}
		case '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		}
	}
	return -1
}
