package logql

import (
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

// atStage is whether a stage begins at the token at hand. Behind lines "!=" is a
// filter: operators of samples have none before them.
func (p *parser) atStage() bool { return p.at(tokenSign, "|", "|=", "|~", "|>", "!=", "!~", "!>") }

func (p *parser) stages() []Stage {
	var list []Stage
	for p.atStage() {
		if p.sign("|") && p.tokens[p.pos+1].text == "unwrap" {
			p.fail(p.tokens[p.pos+1], "unwrap stands in a range aggregation only, as in sum_over_time({…} | unwrap LABEL [5m])")
		}
		list = append(list, p.stage())
	}
	return list
}

func (p *parser) stage() Stage {
	if !p.sign("|") {
		return p.lineFilter()
	}
	p.next()
	t := p.peek()
	if t.kind != tokenName || p.comparisonFollows() {
		return &LabelFilter{p.condition(0)}
	}
	switch t.text {
	case "json":
		p.next()
		return &JSON{p.extractions(func(at token, path string) {
			if _, err := logline.ParseJSONPath(path); err != nil {
				p.fail(at, "%v", err)
			}
		})}
	case "logfmt":
		p.next()
		return p.logfmt()
	case "pattern":
		p.next()
		return p.pattern()
	case "regexp":
		p.next()
		return p.regexpParser()
	case "unpack":
		p.next()
		return &Unpack{}
	case "decolorize":
		p.next()
		return &Decolorize{}
	case "line_format":
		p.next()
		text := p.text("a quoted template")
		p.checkTemplate(text)
		return &LineFormat{text}
	case "label_format":
		p.next()
		return p.labelFormat()
	case "drop":
		p.next()
		return &Drop{p.picks()}
	case "keep":
		p.next()
		return &Keep{p.picks()}
	}
	p.fail(t, "unexpected %s, want a parser (json, logfmt, pattern, regexp, unpack), a format (line_format, label_format, decolorize), drop, keep or a label filter such as status >= 500", t)
	return nil
}

// comparisonFollows tells a label filter on a label that is called as a stage is.
func (p *parser) comparisonFollows() bool {
	t := p.tokens[p.pos+1]
	return t.kind == tokenSign && slices.Contains([]string{"=", "!=", "=~", "!~", "==", ">", ">=", "<", "<="}, t.text) &&
		!(t.text == "!=" || t.text == "!~") ||
		(t.kind == tokenSign && (t.text == "!=" || t.text == "!~") && !isStageWord(p.peek().text))
}

func isStageWord(s string) bool {
	return slices.Contains([]string{"json", "logfmt", "unpack", "decolorize"}, s)
}

func (p *parser) lineFilter() *LineFilter {
	t := p.next()
	f := &LineFilter{Op: LineOp(t.text)}
	for {
		at := p.peek()
		text := p.lineText()
		if text.IP && f.Op != Contains && f.Op != NotContains {
			p.fail(at, "ip: invalid operation: ip() goes with |= and != only")
		}
		switch {
		case text.IP:
			p.checkAddresses(at, text.Text)
		case f.Op == Matches || f.Op == NotMatches:
			p.checkRegexp(at, text.Text)
		case f.Op == Like || f.Op == NotLike:
			if _, err := logline.ParseLike(text.Text); err != nil {
				p.fail(at, "%v", err)
			}
		}
		f.Texts = append(f.Texts, text)
		if !p.word("or") || !p.textFollows() {
			return f
		}
		p.next()
	}
}

func (p *parser) textFollows() bool {
	t := p.tokens[p.pos+1]
	return t.kind == tokenString || t.kind == tokenName && t.text == "ip"
}

func (p *parser) lineText() LineText {
	if p.take(tokenName, "ip") {
		p.expect("(")
		text := p.text("a quoted address, range or prefix")
		p.expect(")")
		return LineText{text, true}
	}
	return LineText{p.text("a quoted text or ip(…)"), false}
}

func (p *parser) checkAddresses(at token, text string) {
	if _, err := logline.ParseAddresses(text); err != nil {
		p.fail(at, "%v", err)
	}
}

func (p *parser) checkTemplate(text string) {
	if _, err := logline.ParseTemplate(text); err != nil {
		p.fail(p.tokens[p.pos-1], "template: %v", err)
	}
}

// extractions reads label="path", or label alone for the path of that name, …
func (p *parser) extractions(check func(at token, path string)) []Extraction {
	var list []Extraction
	for p.at(tokenName) && !p.word("offset") {
		at := p.next()
		x := Extraction{Label: at.text, Path: at.text}
		if p.take(tokenSign, "=") {
			at = p.peek()
			x.Path = p.text("a quoted expression")
		}
		check(at, x.Path)
		list = append(list, x)
		if !p.take(tokenSign, ",") {
			break
		}
		if !p.at(tokenName) {
			p.want("a label")
		}
	}
	return list
}

func (p *parser) logfmt() *Logfmt {
	l := &Logfmt{}
	for p.at(tokenFlag) {
		switch t := p.next(); t.value {
		case "strict":
			l.Strict = true
		case "keep-empty":
			l.KeepEmpty = true
		default:
			p.fail(t, "unknown flag %s, want --strict or --keep-empty", t)
		}
	}
	l.Fields = p.extractions(func(at token, path string) {
		if path == "" || strings.ContainsAny(path, " =\"\t\n") {
			p.fail(at, "cannot parse expression %q: it is no key of logfmt", path)
		}
	})
	return l
}

func (p *parser) pattern() *Pattern {
	at := p.peek()
	text := p.text("a quoted pattern")
	if _, err := logline.ParsePattern(text); err != nil {
		p.fail(at, "%v", err)
	}
	return &Pattern{text}
}

func (p *parser) regexpParser() *RegexpParser {
	at := p.peek()
	text := p.text("a quoted regular expression")
	re := p.checkRegexp(at, text)
	var names []string
	for _, name := range re.SubexpNames() {
		if name == "" {
			continue
		}
		if slices.Contains(names, name) {
			p.fail(at, "duplicate extracted label name %q", name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		p.fail(at, "at least one named capture must be supplied, such as (?P<method>\\w+)")
	}
	return &RegexpParser{text}
}

func (p *parser) labelFormat() *LabelFormat {
	f := &LabelFormat{}
	var seen []string
	for {
		at := p.peek()
		s := LabelSet{Label: p.name("a label")}
		if slices.Contains(seen, s.Label) {
			p.fail(at, "label %q is formatted twice in one stage", s.Label)
		}
		seen = append(seen, s.Label)
		p.expect("=")
		if p.at(tokenString) {
			s.Template = p.next().value
			p.checkTemplate(s.Template)
		} else {
			s.From = p.name("a label or a quoted template")
		}
		if strings.HasPrefix(s.Label, "__error") {
			p.fail(at, "%s cannot be formatted", s.Label)
		}
		f.Sets = append(f.Sets, s)
		if !p.take(tokenSign, ",") {
			return f
		}
	}
}

func (p *parser) picks() []Pick {
	var list []Pick
	for {
		pick := Pick{Name: p.name("a label")}
		if p.at(tokenSign, "=", "!=", "=~", "!~") {
			op, value := p.matcherRest()
			pick.Matcher = &Matcher{pick.Name, op, value}
		}
		list = append(list, pick)
		if !p.take(tokenSign, ",") {
			return list
		}
	}
}

// condition reads predicates joined by or and, tighter, by and, a comma or
// nothing.
func (p *parser) condition(above int) Cond {
	defer p.deeper()()
	left := p.predicate()
	for {
		switch {
		case above < 1 && p.word("or"):
			p.next()
			left = &Or{left, p.condition(1)}
		case p.word("and"), p.sign(","):
			if above > 1 {
				return left
			}
			p.next()
			left = &And{left, p.condition(2)}
		case above <= 1 && (p.sign("(") || p.at(tokenName) && !p.word("or") && !p.word("offset")):
			left = &And{left, p.condition(2)}
		default:
			return left
		}
	}
}

func (p *parser) predicate() Cond {
	if p.take(tokenSign, "(") {
		c := p.condition(0)
		p.expect(")")
		return c
	}
	c := &Compare{Name: p.name("a label filter such as status >= 500")}
	if !p.at(tokenSign, "=", "!=", "=~", "!~", "==", ">", ">=", "<", "<=") {
		p.want("a comparison such as =, != or >=")
	}
	op := p.next()
	c.Op = op.text
	p.operandOf(c, op)
	return c
}

// operandOf reads what a label is compared with, which decides the kind.
func (p *parser) operandOf(c *Compare, op token) {
	t := p.peek()
	textual := slices.Contains([]string{"=", "!=", "=~", "!~"}, c.Op)
	switch {
	case t.kind == tokenString && textual:
		c.Text = p.next().value
		if c.Op == "=~" || c.Op == "!~" {
			p.checkRegexp(t, c.Text)
		}
		return
	case t.kind == tokenName && t.text == "ip" && (c.Op == "=" || c.Op == "!="):
		c.Kind, c.Text = IP, p.lineText().Text
		p.checkAddresses(t, c.Text)
		return
	case c.Op == "=~" || c.Op == "!~":
		p.want("a quoted regular expression")
	}
	if c.Op == "=" {
		c.Op = "=="
	}
	sign := ""
	if p.sign("-") || p.sign("+") {
		sign = strings.TrimPrefix(p.next().text, "+")
		t = p.peek()
	}
	if t.kind != tokenLiteral {
		p.want("a number, a duration, a size or a quoted text")
	}
	p.next()
	if !c.literal(sign, t.text) {
		p.fail(t, "%s is no number, duration such as 1m30s or size such as 5MB", t)
	}
}

// literal tells what a literal is and its value.
func (c *Compare) literal(sign, text string) bool {
	c.Text = sign + text
	negative := 1.0
	if sign == "-" {
		negative = -1
	}
	if f, err := parseFloat(text); err == nil {
		c.Kind, c.Number = Float, negative*f
		return true
	}
	if strings.ContainsAny(text, "xX_") {
		return false
	}
	if d, err := timetext.Span(text); err == nil {
		c.Kind, c.Number = Duration, negative*float64(d)/float64(time.Second)
		return true
	}
	if b, err := logline.ParseBytes(text); err == nil {
		c.Kind, c.Number = Bytes, negative*b
		return true
	}
	return false
}
