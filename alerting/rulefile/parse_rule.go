package rulefile

import (
	"context"
	"maps"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"github.com/trefoil-o11y/trefoil/query/language"
	"go.yaml.in/yaml/v3"
)

func (p *reader) parseRule(node *yaml.Node, group *Group) (rule Rule, expr *language.Expr) {
	rule.Line = node.Line
	fields := p.fields(node, "a rule",
		"alert", "record", "expr", "for", "keep_firing_for", "keep_firing_while", "labels", "annotations", "no_data", "on_error")
	if resolve(node).Kind != yaml.MappingNode && !isNull(node) {
		return rule, nil // One problem for it is enough.
	}
	// The name first, so that every problem can carry it.
	alert, isAlert := find(fields, "alert")
	record, isRecord := find(fields, "record")
	if isAlert {
		rule.Alert = p.text(alert.value, "alert")
	}
	if isRecord {
		rule.Record = p.text(record.value, "record")
	}
	p.rule = rule.Name()
	switch {
	case rule.Alert != "" && rule.Record != "":
		p.add(record.key, "a rule has either alert or record, not both")
	case rule.Alert == "" && rule.Record == "":
		p.add(node, "a rule needs a name: alert or record")
	}
	for _, f := range fields {
		switch f.key.Value {
		case "expr":
			rule.Source = p.text(f.value, "expr")
			if expr = p.expression(f.value, rule.Source, group.Language); expr != nil {
				rule.Expr, rule.Data = expr.Text, expr.Data
			}
		case "for":
			rule.For = p.duration(f.value, "for")
		case "keep_firing_for":
			rule.KeepFiringFor = p.duration(f.value, "keep_firing_for")
		case "keep_firing_while":
			if while := p.expression(f.value, p.text(f.value, "keep_firing_while"), group.Language); while != nil {
				rule.KeepFiringWhile = while.Text
			}
		case "labels":
			rule.Labels = p.labels(f.value, "label")
		case "annotations":
			rule.Annotations = p.labels(f.value, "annotation")
		case "no_data":
			rule.NoData = p.policy(f.value, "no_data")
		case "on_error":
			rule.OnError = p.policy(f.value, "on_error")
		}
	}
	if _, ok := find(fields, "expr"); !ok {
		p.add(node, "a rule needs an expr")
	}
	if rule.Record != "" {
		p.checkRecord(&rule, record.value, fields)
	} else {
		p.checkTemplates(&rule, fields)
	}
	rule.Labels = merged(group.Labels, rule.Labels)
	return rule, expr
}

// policy reads what a rule does without an answer: a word, or a mapping of
// `then` and `for`.
func (p *reader) policy(node *yaml.Node, name string) Policy {
	var policy Policy
	if resolve(node).Kind == yaml.ScalarNode {
		policy.Then = Then(p.text(node, name))
	} else {
		for _, f := range p.fields(node, name, "then", "for") {
			if f.key.Value == "then" {
				policy.Then = Then(p.text(f.value, name+": then"))
			} else {
				policy.For = p.duration(f.value, name+": for")
			}
		}
	}
	switch policy.Then {
	case Ok, Alerting, NoData, Keep:
	default:
		p.add(node, "%s: %q is not one of ok, alerting, nodata, keep", name, policy.Then)
	}
	return policy
}

// merged answers the group's labels under the rule's own.
func merged(group, rule map[string]string) map[string]string {
	if len(group) == 0 {
		return rule
	}
	out := maps.Clone(group)
	maps.Copy(out, rule)
	return out
}

func (p *reader) checkRecord(rule *Rule, name *yaml.Node, fields []field) {
	for _, alien := range []string{"for", "keep_firing_for", "keep_firing_while", "annotations", "no_data", "on_error"} {
		if f, ok := find(fields, alien); ok && !isEmpty(f.value) {
			p.add(f.key, "%s belongs to alerting rules; this one records", alien)
		}
	}
	switch {
	case !model.UTF8Validation.IsValidMetricName(rule.Record):
		p.add(name, "%q cannot name a series", rule.Record)
	case strings.ContainsAny(rule.Record, "{}"):
		p.add(name, "%q has braces: an expression belongs into expr, labels into labels", rule.Record)
	}
}

// has says whether a scalar stands in its line as its value, unescaped and
// unbroken.
func (p *reader) has(node *yaml.Node, value string) bool {
	return node.Line <= len(p.lines) && strings.Contains(p.lines[node.Line-1], value)
}

// indent is the indentation of a literal block whose header is on a line.
func (p *reader) indent(header int) int {
	for i := header; i < len(p.lines); i++ {
		if text := strings.TrimLeft(p.lines[i], " "); strings.TrimSpace(text) != "" {
			return len(p.lines[i]) - len(text)
		}
	}
	return 0
}

// checkTemplates parses the templates of an alerting rule's own labels and
// annotations. Group labels are templates too.
func (p *reader) checkTemplates(rule *Rule, fields []field) {
	for _, name := range []string{"labels", "annotations"} {
		f, ok := find(fields, name)
		if !ok {
			continue
		}
		for _, pair := range p.pairs(f.value) {
			if err := parseTemplate(rule.Alert, pair.value.Value); err != nil {
				p.add(pair.value, "%s %q: %v", strings.TrimSuffix(name, "s"), pair.key.Value, err)
			}
		}
	}
}

func parseTemplate(alert, text string) error {
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{})
	return template.NewTemplateExpander(context.Background(), withVariables(text), "__alert_"+alert,
		data, 0, nil, nil, nil).ParseTest()
}

// withVariables puts the variables every Prometheus alert template knows before
// its text.
func withVariables(text string) string {
	return "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
		"{{$externalURL := .ExternalURL}}{{$value := .Value}}" + text
}
