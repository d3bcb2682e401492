package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"go.yaml.in/yaml/v3"
)

// Bounds of one file. A file beyond them is refused, never cut.
const (
	MaxFileBytes   = 16 << 20
	maxMergeLevels = 8
)

// Options of Parse.
type Options struct {
	// Languages are the values a group's `type` may have. Nil: AllLanguages, without features.
	Languages Languages
}

func (o *Options) setDefaults() {
	if o.Languages == nil {
		o.Languages = AllLanguages(promexpr.Features{})
	}
}

// Parse reads one rule file. The error is of type Problems; the file is nil
// then.
func Parse(path string, data []byte, opts Options) (*File, error) {
	opts.setDefaults()
	p := &reader{path: path, opts: opts}
	if len(data) > MaxFileBytes {
		p.add(nil, "file has %d bytes; at most %d are read", len(data), MaxFileBytes)
		return nil, p.problems
	}
	p.lines = strings.Split(string(data), "\n")
	file := &File{Path: path}
	if root := p.document(data); root != nil {
		file.Groups = p.file(root)
	}
	p.problems.sort()
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return file, nil
}

// reader walks the YAML tree of one file and collects its problems.
type reader struct {
	path     string
	opts     Options
	lines    []string
	problems Problems
	// group and rule name where the walk is, for the problems found there.
	group, rule string
}

func (p *reader) add(at *yaml.Node, format string, args ...any) {
	problem := Problem{File: p.path, Group: p.group, Rule: p.rule, Message: fmt.Sprintf(format, args...)}
	if at != nil {
		problem.Line, problem.Column = at.Line, at.Column
	}
	p.problems = append(p.problems, problem)
}

// document decodes the one YAML document of the file; nil when it is empty or
// wrong.
func (p *reader) document(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			p.addYAML(nil, err)
		}
		return nil
	}
	if err := decoder.Decode(&second); err == nil && !isNull(content(&second)) {
		p.add(&second, "a second YAML document; a rule file holds one")
	} else if err != nil && !errors.Is(err, io.EOF) {
		p.addYAML(nil, fmt.Errorf("behind the document: %w", err))
	}
	root := content(&doc)
	if isNull(root) {
		return nil
	}
	return root
}

// addYAML adds an error of the YAML library, taking the line out of its text.
func (p *reader) addYAML(at *yaml.Node, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	line := 0
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); scanErr == nil && n == 1 {
		_, rest, _ := strings.Cut(text, ": ")
		text = rest
	}
	p.add(at, "%s", text)
	if at == nil && line > 0 {
		last := &p.problems[len(p.problems)-1]
		last.Line, last.Column = line, 1
	}
}

func (p *reader) file(root *yaml.Node) []Group {
	var groups []Group
	names := map[string]int{}
	for _, f := range p.fields(root, "a rule file", "groups") {
		for _, node := range p.sequence(f.value, "groups") {
			p.group = ""
			group := p.parseGroup(node)
			if first, ok := names[group.Name]; ok && group.Name != "" {
				p.add(node, "a group of this name begins on line %d already", first)
			} else {
				names[group.Name] = node.Line
			}
			p.group = ""
			groups = append(groups, group)
		}
	}
	return groups
}

func (p *reader) parseGroup(node *yaml.Node) Group {
	group := Group{Language: PromQL, Line: node.Line}
	fields := p.fields(node, "a group",
		"name", "type", "interval", "query_offset", "limit", "labels", "rules")
	// The name first, so that every problem can carry it.
	if f, ok := find(fields, "name"); ok {
		group.Name = p.text(f.value, "name")
	}
	if group.Name == "" {
		p.add(node, "a group needs a name")
	}
	p.group = group.Name
	var rules []*yaml.Node
	for _, f := range fields {
		switch f.key.Value {
		case "type":
			group.Language = p.language(f.value)
		case "interval":
			group.Interval = p.duration(f.value, "interval")
		case "query_offset":
			if !isNull(f.value) {
				offset := p.duration(f.value, "query_offset")
				group.QueryOffset = &offset
			}
		case "limit":
			group.Limit = p.limit(f.value)
		case "labels":
			group.Labels = p.labels(f.value, "label")
		case "rules":
			rules = p.sequence(f.value, "rules")
		}
	}
	var exprs []*language.Expr
	for _, n := range rules {
		rule, expr := p.parseRule(n, &group)
		group.Rules, exprs = append(group.Rules, rule), append(exprs, expr)
		p.rule = ""
	}
	group.Levels = levels(group.Rules, exprs)
	return group
}

func (p *reader) language(node *yaml.Node) Language {
	language := Language(strings.ToLower(p.text(node, "type")))
	if language == "" {
		return PromQL
	}
	if p.opts.Languages[language] == nil {
		known := slices.Sorted(maps.Keys(p.opts.Languages))
		p.add(node, "type %q is not supported; supported: %v", language, known)
	}
	return language
}

func (p *reader) limit(node *yaml.Node) int {
	var limit int
	if err := node.Decode(&limit); err != nil {
		p.add(node, "limit: %q is not a whole number", node.Value)
	}
	return limit
}

func (p *reader) duration(node *yaml.Node, name string) time.Duration {
	text := p.text(node, name)
	if text == "" {
		return 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		p.add(node, "%s: %q is not a duration like 30s, 5m or 1h30m", name, text)
	}
	return time.Duration(d)
}
