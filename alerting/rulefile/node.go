package rulefile

import (
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// field is one entry of a YAML mapping.
type field struct{ key, value *yaml.Node }

// content is the root value of a document node.
func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		return doc.Content[0]
	}
	return doc
}

// resolve follows an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool {
	node = resolve(node)
	return node.Kind == 0 || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// isEmpty says whether a value is one that means "not set".
func isEmpty(node *yaml.Node) bool {
	node = resolve(node)
	switch node.Kind {
	case yaml.ScalarNode:
		return isNull(node) || node.Value == "" || node.Value == "0" || node.Value == "0s"
	default:
		return len(node.Content) == 0
	}
}

// pairs answers the entries of a mapping, merge keys (<<) expanded behind the
// mapping's own; nothing for another kind of node.
func (p *reader) pairs(node *yaml.Node) []field { return p.pairsAt(node, 0) }

func (p *reader) pairsAt(node *yaml.Node, level int) []field {
	node = resolve(node)
	if node.Kind != yaml.MappingNode || level > maxMergeLevels {
		return nil
	}
	var own, inherited []field
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.ShortTag() != "!!merge" {
			own = append(own, field{resolve(key), resolve(value)})
			continue
		}
		sources := []*yaml.Node{value}
		if list := resolve(value); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			if resolve(source).Kind != yaml.MappingNode {
				p.add(source, "<< merges a mapping or a list of mappings")
			}
			inherited = append(inherited, p.pairsAt(source, level+1)...)
		}
	}
	for _, f := range inherited {
		if _, ok := find(own, f.key.Value); !ok {
			own = append(own, f)
		}
	}
	return own
}

func find(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.key.Value == name {
			return f, true
		}
	}
	return field{}, false
}

// fields answers the entries of a mapping that may have the known keys only.
// Unknown and repeated keys are problems and left out.
func (p *reader) fields(node *yaml.Node, what string, known ...string) []field {
	if isNull(node) {
		return nil
	}
	if resolve(node).Kind != yaml.MappingNode {
		p.add(node, "%s is a mapping with %s", what, strings.Join(known, ", "))
		return nil
	}
	var out []field
	for _, f := range p.pairs(node) {
		switch _, repeated := find(out, f.key.Value); {
		case repeated:
			p.add(f.key, "%s is set twice", f.key.Value)
		case !contains(known, f.key.Value):
			p.add(f.key, "%s has no field %q; it has %s", what, f.key.Value, strings.Join(known, ", "))
		default:
			out = append(out, f)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// sequence answers the elements of a list, without empty ones: Prometheus
// passes over a lone dash.
func (p *reader) sequence(node *yaml.Node, name string) []*yaml.Node {
	node = resolve(node)
	if isNull(node) {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		p.add(node, "%s is a list", name)
		return nil
	}
	var out []*yaml.Node
	for _, n := range node.Content {
		if !isNull(n) {
			out = append(out, resolve(n))
		}
	}
	return out
}

// text decodes a scalar as a string.
func (p *reader) text(node *yaml.Node, name string) string {
	var s string
	if resolve(node).Kind != yaml.ScalarNode {
		p.add(node, "%s is a text", name)
		return ""
	}
	if err := resolve(node).Decode(&s); err != nil {
		p.addYAML(node, err)
	}
	return s
}

// labels decodes a mapping of names to texts; kind is "label" or "annotation".
func (p *reader) labels(node *yaml.Node, kind string) map[string]string {
	if isNull(node) {
		return nil
	}
	if resolve(node).Kind != yaml.MappingNode {
		p.add(node, "%ss are a mapping of names to texts", kind)
		return nil
	}
	out := map[string]string{}
	for _, f := range p.pairs(node) {
		name, value := p.text(f.key, kind+" name"), p.text(f.value, kind+" "+f.key.Value)
		_, repeated := out[name]
		switch {
		case repeated:
			p.add(f.key, "%s %q is set twice", kind, name)
		case !model.UTF8Validation.IsValidLabelName(name), kind == "label" && name == model.MetricNameLabel:
			p.add(f.key, "%q cannot name a %s", name, kind)
		case !model.LabelValue(value).IsValid():
			p.add(f.value, "%s %q is not valid UTF-8", kind, name)
		default:
			out[name] = value
		}
	}
	return out
}
