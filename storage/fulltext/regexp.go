package fulltext

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Matches is whether a regular expression (RE2) matches a part of the text; "." matches
// line breaks, too. The error is that of its syntax.
func (c Column) Matches(pattern string) (chsql.Expr, error) {
	pattern = "(?s:" + pattern + ")"
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return chsql.Expr{}, err
	}
	match := chsql.Func("match", c.Text, chsql.String(pattern))
	if any := c.required(c.paths(re)); len(any) > 0 {
		return c.hinted(match, []chsql.Expr{chsql.Or(any...)}), nil
	}
	return match, nil
}

// required are conditions on tokens of which one holds wherever one of the paths
// matches; none if nothing is known of one.
func (c Column) required(all []path) (any []chsql.Expr) {
	for _, p := range all {
		var conds []chsql.Expr
		for _, n := range p.needles() {
			for _, cond := range c.lookups(n) {
				if !slices.Contains(conds, cond) {
					conds = append(conds, cond)
				}
			}
		}
		if len(conds) == 0 {
			return nil
		}
		if cond := chsql.And(conds...); !slices.Contains(any, cond) {
			any = append(any, cond)
		}
	}
	return any
}

// path is one of the ways through a regular expression, from left to right.
type path []atom

// atom is a step of a path: a literal, an edge, at which tokens end to both sides, or a
// gap of which nothing is known.
type atom struct {
	literal string
	edge    bool
	fold    fold
}

func edge() path { return path{{edge: true}} }
func gap() path  { return path{{}} }

// KnowsMore is whether the index can be asked for more of a regular expression if the
// texts are ASCII.
func KnowsMore(pattern string) bool {
	column := Column{Text: chsql.String("")}
	other, err := column.Matches(pattern)
	column.ASCII = true
	ascii, _ := column.Matches(pattern)
	return err == nil && ascii != other
}

// Bounds of what is looked at of an expression; what is beyond counts as a gap.
const (
	maxPaths   = 16
	maxNeedles = 8 // of one path
	maxClass   = 4 // characters of a class that are taken one by one
	maxTwice   = 8 // atoms of a path that is written twice, as what is repeated
)

// paths are the ways through an expression, at least one: whatever matches it, matches
// one of them.
func (c Column) paths(re *syntax.Regexp) []path {
	switch re.Op {
	case syntax.OpLiteral:
		return []path{c.literal(re)}
	case syntax.OpCharClass:
		return c.class(re)
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText:
		return []path{edge()}
	case syntax.OpWordBoundary:
		if c.ASCII {
			return []path{edge()}
		}
	case syntax.OpEmptyMatch:
		return []path{nil}
	case syntax.OpCapture:
		return c.paths(re.Sub[0])
	case syntax.OpQuest:
		return bounded(append(c.paths(re.Sub[0]), nil))
	case syntax.OpPlus:
		return repeated(c.paths(re.Sub[0]))
	case syntax.OpRepeat:
		if re.Min > 0 {
			return repeated(c.paths(re.Sub[0]))
		}
	case syntax.OpAlternate:
		var all []path
		for _, sub := range re.Sub {
			all = append(all, c.paths(sub)...)
		}
		return bounded(all)
	case syntax.OpConcat:
		all := []path{nil}
		for _, sub := range re.Sub {
			next := c.paths(sub)
			if len(all)*len(next) > maxPaths {
				next = []path{gap()}
			}
			all = product(all, next)
		}
		return all
	}
	return []path{gap()}
}

func bounded(all []path) []path {
	if len(all) > maxPaths {
		return []path{gap()}
	}
	return all
}

func product(before, behind []path) []path {
	all := make([]path, 0, len(before)*len(behind))
	for _, a := range before {
		for _, b := range behind {
			all = append(all, slices.Concat(a, b))
		}
	}
	return all
}

// repeated are the paths through something once or several times. What is before it
// meets the first time, what is behind it the last.
func repeated(once []path) []path {
	switch {
	case len(once) == 1 && slices.Equal(once[0], edge()):
		return once
	case len(once) == 1 && len(once[0]) <= maxTwice:
		return []path{slices.Concat(once[0], gap(), once[0])}
	}
	return product(once, []path{gap()})
}

// literal leaves out U+FFFD, which matches bytes that are no UTF-8 as well.
func (c Column) literal(re *syntax.Regexp) (p path) {
	in := exact
	if re.Flags&syntax.FoldCase != 0 {
		if in = re2; c.ASCII {
			in = ilike
		}
	}
	for i, text := range strings.Split(string(re.Rune), string(utf8.RuneError)) {
		if i > 0 {
			p = append(p, gap()...)
		}
		p = append(p, atom{literal: text, fold: in})
	}
	return p
}

// class is one of some characters: of separators any, of a few characters each.
func (c Column) class(re *syntax.Regexp) []path {
	separators, n := true, 0
	for i := 0; i < len(re.Rune); i += 2 {
		n += int(re.Rune[i+1]-re.Rune[i]) + 1
		for r := re.Rune[i]; r <= re.Rune[i+1] && separators; r++ {
			separators = r < utf8.RuneSelf && !alphanumeric(byte(r))
		}
	}
	switch {
	case n == 0 || n > maxClass && !separators:
		return []path{gap()}
	case separators:
		return []path{edge()}
	}
	var all []path
	for i := 0; i < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			all = append(all, c.literal(&syntax.Regexp{Rune: []rune{r}}))
		}
	}
	return all
}

// needles are the literals of a path, those beside each other as one.
func (p path) needles() (list []needle) {
	for i := 0; i < len(p) && len(list) < maxNeedles; {
		first, text := i, ""
		for i < len(p) && p[i].literal != "" && p[i].fold == p[first].fold {
			text += p[i].literal
			i++
		}
		if i == first {
			i++
			continue
		}
		list = append(list, needle{text: text, left: first > 0 && p[first-1].edge, right: i < len(p) && p[i].edge, fold: p[first].fold})
	}
	return list
}
