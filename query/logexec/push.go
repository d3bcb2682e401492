package logexec

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// pushed is what of a query the server filters by. Its conditions hold for every
// record the query wants.
type pushed struct {
	conds []logstore.Cond
	// exact: they hold for no other, but for records whose body is no text, and for those
	// that have a text for a number.
	exact   bool
	numbers []string // names compared as numbers
	named   bool     // a condition is on a name that may be an attribute's
	lines   bool     // a condition is on the line
	words   bool     // of which the server knows more where bodies are ASCII
	level   bool     // a condition is on the level
	// strict: what cannot be compared is not found, where it otherwise passes, to be
	// marked.
	strict bool
	taken
}

// push goes through a pipeline as far as a condition on what is stored is one on
// what the stage sees.
func push(l *logql.Log) pushed {
	p := pushed{exact: true}
	p.log(l)
	return p
}

func (p *pushed) log(l *logql.Log) {
	for _, m := range l.Matchers {
		p.add(p.label(m.Name, string(m.Op), m.Value))
	}
	lines, labels := true, true // a stage sees the line, the labels, as stored
	found := extraction{}       // what labels a stage sees beside those
	for _, s := range l.Stages {
		if p.take(s, labels) {
			p.exact, labels = false, false
			found.escaped = p.parser.Form != logstore.Regexp
			continue
		}
		switch s := s.(type) {
		case *logql.LineFilter:
			if !lines {
				p.exact, p.whole = false, false
				continue
			}
			p.lineFilter(s)
		case *logql.LabelFilter:
			if !labels {
				p.exact = false
				if lines {
					p.add(p.extracted(s.Cond, found))
				}
				p.behind(s.Cond)
				continue
			}
			c, exact := condOf(s.Cond, p.compare)
			p.add(c)
			p.exact = p.exact && exact
		default:
			// A parser adds labels, and what it finds may be marked as failed; the rest
			// change labels or the line.
			p.exact = false
			p.close()
			switch s.(type) {
			case *logql.Unpack, *logql.LineFormat, *logql.Decolorize:
				lines = false
			case *logql.LabelFormat:
				found.made = true
			case *logql.JSON, *logql.Logfmt:
				found.escaped = true
			}
			labels = false
		}
	}
}

// detectedLevel is the label of the level.
const detectedLevel = "detected_level"

func (p *pushed) add(c logstore.Cond) {
	if c != nil {
		p.conds = append(p.conds, c)
	}
}

func (p *pushed) label(name, op, value string) logstore.Cond {
	name = logline.Name(name)
	if name != logpipe.ServiceName {
		p.named = true
	}
	p.level = p.level || name == detectedLevel
	return logstore.Label{Name: name, Value: value, Op: textOp(op)}
}

func (p *pushed) lineFilter(f *logql.LineFilter) {
	var any logstore.Any
	exact := true
	p.lines = true
	for _, t := range f.Texts {
		c, ok := lineCond(f.Op, t)
		exact = exact && ok
		any = append(any, c)
		if line, ok := c.(logstore.Line); ok && !f.Op.Negative() {
			p.words = p.words || line.KnowsMore()
		}
	}
	p.exact, p.whole = p.exact && exact, p.whole && exact
	switch {
	case !f.Op.Negative():
		p.add(any)
	case exact:
		// Bodies that are no text pass a Line, and must pass here as well.
		p.add(logstore.Any{logstore.Body{Structured: true}, logstore.Not{Cond: any}})
	}
}

// lineCond is what a line has to be like; not exact if it may be so and yet not be
// meant.
func lineCond(op logql.LineOp, t logql.LineText) (c logstore.Cond, exact bool) {
	switch {
	case t.IP:
		return logstore.All{}, false
	case op == logql.Contains || op == logql.NotContains:
		return logstore.Line{Op: logstore.LineContains, Text: t.Text}, true
	case op == logql.Like || op == logql.NotLike:
		return likeCond(t.Text), true
	}
	return logstore.Line{Op: logstore.LineMatches, Text: t.Text}, true
}

// likeCond is a pattern as a regular expression.
func likeCond(text string) logstore.Cond {
	if _, err := logline.ParseLike(text); err != nil {
		return logstore.All{}
	}
	re := regexp.MustCompile(`<_>`).ReplaceAllString(regexp.QuoteMeta(text), ".*")
	return logstore.Line{Op: logstore.LineMatches, Text: "^" + re + "$"}
}

// condOf is a label filter, of whose comparisons compare makes conditions and tells
// whether they are exact.
func condOf(c logql.Cond, compare func(*logql.Compare) (logstore.Cond, bool)) (logstore.Cond, bool) {
	switch c := c.(type) {
	case *logql.And:
		left, exactLeft := condOf(c.Left, compare)
		right, exactRight := condOf(c.Right, compare)
		return logstore.All{left, right}, exactLeft && exactRight
	case *logql.Or:
		left, exactLeft := condOf(c.Left, compare)
		right, exactRight := condOf(c.Right, compare)
		return logstore.Any{left, right}, exactLeft && exactRight
	case *logql.Compare:
		return compare(c)
	}
	return logstore.All{}, false
}

// sure is whether the conditions are exact where names mean what m says.
func (p *pushed) sure(m logstore.Meanings) bool { return p.exact && p.numeric(m) }

// numeric is whether all that is compared as a number is one. What is none is to be marked,
// not dropped, and passes.
func (p *pushed) numeric(m logstore.Meanings) bool {
	return !slices.ContainsFunc(p.numbers, func(name string) bool { return !m.Numeric(name) })
}

// compare is a comparison before any parser, exact if all that is compared as a number is
// one.
func (p *pushed) compare(c *logql.Compare) (logstore.Cond, bool) {
	if strings.HasPrefix(c.Name, "__") || c.Name == "observed_timestamp" || c.Name == "flags" || strings.HasSuffix(c.Name, "_extracted") {
		return logstore.All{}, false // not stored under a name
	}
	if c.Kind == logql.Text {
		return p.label(c.Name, c.Op, c.Text), true
	}
	there := p.label(c.Name, "!=", "")
	if c.Kind != logql.Float {
		return there, false
	}
	op, name := numberOp(c.Op), logline.Name(c.Name)
	if p.strict {
		return logstore.Number{Name: name, Op: op, Value: c.Number}, true
	}
	p.numbers = append(p.numbers, name)
	return logstore.Any{logstore.Number{Name: name, Op: op, Value: c.Number}, logstore.NotNumber{Name: name}}, true
}

// extraction is where labels may come from that are not stored: out of the line, where
// they may be escaped, or made by a template.
type extraction struct{ escaped, made bool }

// extracted is what a label filter behind a parser of stored lines tells of the record,
// nil for nothing: a label with a text is either stored or a part of the line.
func (p *pushed) extracted(c logql.Cond, from extraction) logstore.Cond {
	switch c := c.(type) {
	case *logql.And:
		left, right := p.extracted(c.Left, from), p.extracted(c.Right, from)
		if left == nil || right == nil {
			return cmp.Or(left, right)
		}
		return logstore.All{left, right}
	case *logql.Or:
		left, right := p.extracted(c.Left, from), p.extracted(c.Right, from)
		if left == nil || right == nil {
			return nil
		}
		return logstore.Any{left, right}
	case *logql.Compare:
		if from.made || c.Kind != logql.Text || c.Op != "=" || c.Text == "" || strings.HasPrefix(c.Name, "__") {
			return nil
		}
		stored, exact := p.compare(c)
		if !exact {
			return nil
		}
		p.lines = true
		either := logstore.Any{stored, logstore.Line{Op: logstore.LineContains, Text: c.Text}}
		if from.escaped {
			either = append(either, logstore.Line{Op: logstore.LineContains, Text: escapeOf(c.Text)})
		}
		return either
	}
	return nil
}

// escapeOf is a part of every text that spells another one with JSON's escapes.
func escapeOf(text string) string {
	plain := func(r rune) bool {
		return r == ' ' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || strings.ContainsRune("-_.:", r)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return `\`
	}
	return `\u00` // others stand for none of these
}
