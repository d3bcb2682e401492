package rulelint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// Check answers what is doubtful in rule files. known says whether a metric has
// had series of late; nil when nobody knows.
func Check(files []*rulefile.File, known func(name string) bool) rulefile.Problems {
	recorded := map[string]bool{}
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				recorded[r.Record] = true
			}
		}
	}
	if known != nil {
		stored := known
		known = func(name string) bool {
			return stored(name) || recorded[name] || name == "ALERTS" || name == "ALERTS_FOR_STATE"
		}
	}
	var found rulefile.Problems
	for _, f := range files {
		for i := range f.Groups {
			g := &f.Groups[i]
			c := checker{file: f.Path, group: g, known: known}
			c.twins()
			for j := range g.Rules {
				c.check(&g.Rules[j])
			}
			found = append(found, c.found...)
		}
	}
	return found
}

type checker struct {
	file  string
	group *rulefile.Group
	known func(string) bool
	found rulefile.Problems
}

func (c *checker) add(r *rulefile.Rule, format string, args ...any) {
	c.found = append(c.found, rulefile.Problem{
		File: c.file, Line: r.Line, Column: 1, Group: c.group.Name, Rule: r.Name(), Message: fmt.Sprintf(format, args...),
	})
}

// twins are rules of one group that yield the same series.
func (c *checker) twins() {
	first := map[string]*rulefile.Rule{}
	for i := range c.group.Rules {
		r := &c.group.Rules[i]
		key := fmt.Sprintf("%s %s %v", r.Record, r.Alert, labels.FromMap(r.Labels))
		if before, ok := first[key]; ok {
			c.add(r, "the rule on line %d has this name and these labels too: they would yield the same series", before.Line)
			continue
		}
		first[key] = r
	}
}

func (c *checker) check(r *rulefile.Rule) {
	if r.Alert != "" && r.For == 0 {
		c.add(r, "it has no `for`: one bad sample is enough to page")
	}
	if c.group.Language != rulefile.PromQL {
		return
	}
	expr, err := promexpr.NewParser(promexpr.AllFeatures()).Parser.ParseExpr(r.Expr)
	if err != nil {
		return // rulefile has said so, or of what is off
	}
	c.metrics(r, expr)
	c.matchers(r, expr)
	c.clashes(r, expr)
	if r.Alert != "" {
		c.condition(r, expr)
		c.templates(r, expr)
	}
}

// metrics finds selectors of metrics that nobody sends.
func (c *checker) metrics(r *rulefile.Rule, expr parser.Expr) {
	if c.known == nil {
		return
	}
	missing := map[string]bool{}
	inspect(expr, func(node parser.Node, path []parser.Node) {
		selector, ok := node.(*parser.VectorSelector)
		if !ok || selector.Name == "" || c.known(selector.Name) || asksForAbsence(path) {
			return
		}
		missing[selector.Name] = true
	})
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		c.add(r, "metric %s had no series in the last day", name)
	}
}

func asksForAbsence(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(n parser.Node) bool {
		call, ok := n.(*parser.Call)
		return ok && strings.HasPrefix(call.Func.Name, "absent")
	})
}

// matchers finds selectors that no series can match.
func (c *checker) matchers(r *rulefile.Rule, expr parser.Expr) {
	inspect(expr, func(node parser.Node, _ []parser.Node) {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return
		}
		for _, m := range selector.LabelMatchers {
			if m.Type != labels.MatchEqual {
				continue
			}
			for _, other := range selector.LabelMatchers {
				if other.Name == m.Name && !other.Matches(m.Value) {
					c.add(r, "%s selects nothing: %s excludes %s, so the rule never yields anything", selector, m, other)
					return
				}
			}
		}
	})
}

// clashes finds labels of the rule that replace others in its result.
func (c *checker) clashes(r *rulefile.Rule, expr parser.Expr) {
	kept, all := resultLabels(expr)
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if name == "alertname" {
			c.add(r, "its label alertname is replaced by the alert's name")
		}
		if !all && slices.Contains(kept, name) {
			c.add(r, "its label %s replaces the one that the expression keeps: results that differ in it only become the same", name)
		}
	}
}

// resultLabels are the labels an expression's result can have; all when that
// is not known.
func resultLabels(expr parser.Expr) (names []string, all bool) {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return resultLabels(e.Expr)
	case *parser.AggregateExpr:
		if e.Without || slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO, parser.COUNT_VALUES}, e.Op) {
			return nil, true
		}
		return e.Grouping, false
	case *parser.BinaryExpr:
		if e.LHS.Type() == parser.ValueTypeScalar {
			return resultLabels(e.RHS)
		}
		if e.RHS.Type() == parser.ValueTypeScalar {
			return resultLabels(e.LHS)
		}
		if e.Op == parser.LOR || e.VectorMatching != nil && len(e.VectorMatching.Include) > 0 {
			return nil, true
		}
		return resultLabels(e.LHS)
	case *parser.Call:
		if slices.Contains([]string{"vector", "time", "scalar"}, e.Func.Name) {
			return nil, false
		}
	case *parser.NumberLiteral:
		return nil, false
	}
	return nil, true
}

// labelUse finds labels in templates.
var labelUse = regexp.MustCompile(`(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)`)

// templates finds uses of labels the result cannot have.
func (c *checker) templates(r *rulefile.Rule, expr parser.Expr) {
	names, all := resultLabels(expr)
	if all {
		return
	}
	said := map[string]bool{}
	for _, texts := range []map[string]string{r.Labels, r.Annotations} {
		for _, field := range slices.Sorted(maps.Keys(texts)) {
			for _, use := range labelUse.FindAllStringSubmatch(texts[field], -1) {
				if name := use[1]; !slices.Contains(names, name) && !said[name] {
					said[name] = true
					c.add(r, "%s uses the label %s, which the expression's result does not have", field, name)
				}
			}
		}
	}
}

func inspect(expr parser.Expr, look func(node parser.Node, path []parser.Node)) {
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		if node != nil {
			look(node, path)
		}
		return nil
	})
}
