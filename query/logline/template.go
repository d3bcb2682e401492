package logline

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Limits of what a template may make of one line.
const (
	maxRendered = 1 << 20 // bytes
	maxTurns    = 100_000 // of all its loops together
)

// Template makes a text of a line and its labels, in the language of Go's
// text/template with the functions of LogQL. Not safe for concurrent use.
type Template struct {
	tree *template.Template
	run  *run
}

// run is what the functions of a template know of the line at hand.
type run struct {
	line  string
	time  int64
	turns int
	out   strings.Builder
}

// ParseTemplate compiles a template. Templates within templates are refused, and
// loops are counted, so that a template ends.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{run: new(run)}
	tree, err := template.New("template").Option("missingkey=zero").Funcs(functions(t.run)).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if len(tree.Templates()) > 1 {
		return nil, errors.New("template: define, block and template are not offered")
	}
	t.tree = tree
	if tree.Tree != nil && tree.Root != nil {
		if err := guard(tree.Root); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// guard puts a count into every loop.
func guard(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := guard(child); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return guardBranch(&n.BranchNode)
	case *parse.WithNode:
		return guardBranch(&n.BranchNode)
	case *parse.RangeNode:
		count, err := template.New("").Funcs(template.FuncMap{"__turn__": func() string { return "" }}).Parse("{{__turn__}}")
		if err != nil {
			return err
		}
		n.List.Nodes = append([]parse.Node{count.Root.Nodes[0]}, n.List.Nodes...)
		return guardBranch(&n.BranchNode)
	case *parse.TemplateNode:
		return errors.New("template: define, block and template are not offered")
	}
	return nil
}

func guardBranch(n *parse.BranchNode) error {
	if err := guard(n.List); err != nil {
		return err
	}
	return guard(n.ElseList)
}

// Render is the template's text for a line of a time with labels.
func (t *Template) Render(labels map[string]string, line string, at int64) (string, error) {
	t.run.line, t.run.time, t.run.turns = line, at, 0
	t.run.out.Reset()
	if err := t.tree.Execute(t.run, labels); err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return t.run.out.String(), nil
}

// Write takes what the template prints.
func (r *run) Write(b []byte) (int, error) {
	if r.out.Len()+len(b) > maxRendered {
		return 0, fmt.Errorf("more than %d bytes", maxRendered)
	}
	return r.out.Write(b)
}

func (r *run) turn() (string, error) {
	if r.turns++; r.turns > maxTurns {
		return "", fmt.Errorf("more than %d turns of loops", maxTurns)
	}
	return "", nil
}

func (r *run) timestamp() time.Time { return time.Unix(0, r.time).UTC() }
