package metricplan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Annotated prints a plan, one line a node, children indented, with what note
// says of a node behind its line.
//
//	sum by (job)
//	└ rate [5m]  {__name__="m"}
func Annotated(n Node, note func(Node) string) string {
	var b strings.Builder
	explain(&b, n, "", "", note)
	return b.String()
}

func explain(b *strings.Builder, n Node, first, rest string, note func(Node) string) {
	b.WriteString(first + n.Describe())
	if s := note(n); s != "" {
		b.WriteString("  -- " + s)
	}
	b.WriteByte('\n')
	children := n.Children()
	for i, c := range children {
		if i+1 < len(children) {
			explain(b, c, rest+"├ ", rest+"│ ", note)
		} else {
			explain(b, c, rest+"└ ", rest+"  ", note)
		}
	}
}

// Describe of each kind of node.
func (n *Number) Describe() string { return strconv.FormatFloat(n.Value, 'g', -1, 64) }
func (n *Text) Describe() string   { return strconv.Quote(n.Value) }
func (n *Once) Describe() string   { return "once" }
func (n *Call) Describe() string   { return n.Name }

// Describe names the reason first: it is what a reader wants to know.
func (n *Foreign) Describe() string {
	return "prometheus (" + n.Why + ")  " + strings.Join(strings.Fields(n.Query), " ")
}

// Describe is the function, its window and what it reads.
func (n *Rollup) Describe() string {
	name := n.Name
	if name == "" {
		name = "latest"
	}
	out := name + " [" + duration(n.Range)
	if n.Subquery != nil {
		out += ":" + duration(n.Subquery.Step)
	}
	out += "]"
	switch {
	case n.At != nil:
		out += " @ " + strconv.FormatFloat(float64(*n.At)/1000, 'f', -1, 64)
	case n.AtOf != nil:
		out += " @ …"
	}
	if n.Offset != 0 {
		out += " offset " + duration(n.Offset)
	}
	if n.Selector != nil {
		out += "  " + n.Selector.String()
	}
	return out
}

// String is the selector as it is written.
func (s *Selector) String() string {
	sets := make([]string, 0, 1+len(s.Or))
	for _, set := range slices.Concat([][]*labels.Matcher{s.Matchers}, s.Or) {
		parts := make([]string, len(set))
		for i, m := range set {
			parts[i] = m.String()
		}
		sets = append(sets, strings.Join(parts, ","))
	}
	return "{" + strings.Join(sets, " or ") + "}"
}

// Describe is the operator and the grouping.
func (n *Aggregate) Describe() string {
	switch {
	case n.Without:
		return fmt.Sprintf("%s without (%s)", n.Name, strings.Join(n.Labels, ", "))
	case len(n.Labels) > 0:
		return fmt.Sprintf("%s by (%s)", n.Name, strings.Join(n.Labels, ", "))
	}
	return n.Name
}

// Describe is the operator and how sides are matched.
func (n *Binary) Describe() string {
	out := parser.ItemTypeStr[n.Op]
	if n.Bool {
		out += " bool"
	}
	if m := n.Matching; m != nil {
		if m.On {
			out += " on (" + strings.Join(m.MatchingLabels, ", ") + ")"
		} else if len(m.MatchingLabels) > 0 {
			out += " ignoring (" + strings.Join(m.MatchingLabels, ", ") + ")"
		}
		switch m.Card {
		case parser.CardManyToOne:
			out += " group_left (" + strings.Join(m.Include, ", ") + ")"
		case parser.CardOneToMany:
			out += " group_right (" + strings.Join(m.Include, ", ") + ")"
		}
	}
	return out
}

func duration(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }
