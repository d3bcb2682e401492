package logql

import (
	"fmt"
	"slices"
)

// Bounds of a query, so that no text costs more than it says.
const (
	MaxLength = 128 << 10 // bytes
	maxDepth  = 128       // of parentheses and operators
)

// Parse reads a query. The error is a *ParseError.
func Parse(query string) (Expr, error) {
	p, err := newParser(query)
	if err != nil {
		return nil, err
	}
	var e Expr
	if err := p.run(func() { e = p.whole() }); err != nil {
		return nil, err
	}
	return e, nil
}

// ParseMetric reads a query whose value is samples.
func ParseMetric(query string) (Metric, error) {
	e, err := Parse(query)
	if err != nil {
		return nil, err
	}
	m, ok := e.(Metric)
	if !ok {
		return nil, &ParseError{Query: query, Message: "a query of lines where one of samples is wanted, such as count_over_time(" + query + "[5m])"}
	}
	return m, nil
}

// ParseLog reads a query whose value is lines.
func ParseLog(query string) (*Log, error) {
	e, err := Parse(query)
	if err != nil {
		return nil, err
	}
	l, ok := e.(*Log)
	if !ok {
		return nil, &ParseError{Query: query, Message: "a query of samples where one of lines is wanted"}
	}
	return l, nil
}

// ParseSelector reads a selector, {name="value", ...}, and nothing behind it.
func ParseSelector(text string) ([]Matcher, error) {
	l, err := ParseLog(text)
	if err != nil {
		return nil, err
	}
	if len(l.Stages) > 0 {
		return nil, &ParseError{Query: text, Message: "a selector is wanted, without a pipeline"}
	}
	return l.Matchers, nil
}

// parser walks over tokens. Its methods panic with a *ParseError, which run
// returns.
type parser struct {
	query  string
	tokens []token
	pos    int
	depth  int
}

func newParser(query string) (*parser, error) {
	if len(query) > MaxLength {
		return nil, &ParseError{Query: query[:64], Message: fmt.Sprintf("query has %d bytes, the limit is %d", len(query), MaxLength)}
	}
	tokens, err := scan(query)
	if err != nil {
		return nil, err
	}
	return &parser{query: query, tokens: tokens}, nil
}

func (p *parser) run(parse func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *ParseError:
			err = r
		default:
			panic(r)
		}
	}()
	parse()
	return nil
}

func (p *parser) fail(at token, format string, args ...any) {
	panic(&ParseError{Query: p.query, Offset: at.offset, Message: fmt.Sprintf(format, args...)})
}

// want fails because of the token at hand.
func (p *parser) want(what string) { p.fail(p.peek(), "unexpected %s, want %s", p.peek(), what) }

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEnd {
		p.pos++
	}
	return t
}

func (p *parser) at(kind tokenKind, texts ...string) bool {
	t := p.peek()
	return t.kind == kind && (len(texts) == 0 || slices.Contains(texts, t.text))
}

func (p *parser) sign(text string) bool { return p.at(tokenSign, text) }
func (p *parser) word(text string) bool { return p.at(tokenName, text) }

// take steps over a sign or a word if it is there.
func (p *parser) take(kind tokenKind, text string) bool {
	if p.at(kind, text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(sign string) token {
	if !p.sign(sign) {
		p.want(fmt.Sprintf("%q", sign))
	}
	return p.next()
}

// deeper bounds recursion; the caller defers what it returns.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek(), "query nests deeper than %d", maxDepth)
	}
	return func() { p.depth-- }
}

func (p *parser) whole() Expr {
	e := p.expression(0)
	if p.peek().kind != tokenEnd {
		p.want("an operator or the end of the query")
	}
	return e
}

// precedence of the operators of metric expressions; 0 for none.
func precedence(op string) int {
	switch op {
	case "or":
		return 1
	case "and", "unless":
		return 2
	case "==", "!=", ">", ">=", "<", "<=":
		return 3
	case "+", "-":
		return 4
	case "*", "/", "%":
		return 5
	case "^":
		return 6
	}
	return 0
}

// expression reads operands joined by operators that bind tighter than above.
func (p *parser) expression(above int) Expr {
	defer p.deeper()()
	start := p.peek()
	var left Expr = p.operand()
	for {
		op := p.peek()
		level := precedence(op.text)
		if op.kind != tokenSign && op.kind != tokenName || level <= above {
			return left
		}
		l, ok := left.(Metric)
		if !ok {
			p.fail(start, "%s joins samples, not lines; count them first, as in count_over_time(…[5m])", op)
		}
		p.next()
		b := &Binary{Op: op.text, Left: l}
		p.modifiers(b)
		rightStart := p.peek()
		if op.text == "^" {
			level-- // binds to the right
		}
		r, ok := p.expression(level).(Metric)
		if !ok {
			p.fail(rightStart, "%s joins samples, not lines; count them first, as in count_over_time(…[5m])", op)
		}
		b.Right = r
		p.checkBinary(b, op)
		left = b
	}
}

// modifiers reads bool, on, ignoring and group_left or group_right.
func (p *parser) modifiers(b *Binary) {
	if t := p.peek(); p.take(tokenName, "bool") {
		if precedence(b.Op) != 3 {
			p.fail(t, "bool goes with comparisons, not with %q", b.Op)
		}
		b.Bool = true
	}
	if !p.word("on") && !p.word("ignoring") {
		return
	}
	b.Matching = &Matching{On: p.next().text == "on"}
	b.Matching.Labels = p.names()
	if t := p.peek(); p.word("group_left") || p.word("group_right") {
		if precedence(b.Op) <= 2 {
			p.fail(t, "%s does not go with %q", t.text, b.Op)
		}
		b.Matching.Group = p.next().text
		if p.sign("(") {
			b.Matching.Include = p.names()
		}
	}
}

func (p *parser) checkBinary(b *Binary, op token) {
	_, left := b.Left.(*Number)
	_, right := b.Right.(*Number)
	if (left || right) && precedence(b.Op) <= 2 {
		p.fail(op, "%s joins vectors, not numbers", b.Op)
	}
	if (left || right) && b.Matching != nil {
		p.fail(op, "on and ignoring go between vectors, not with numbers")
	}
}

// names reads (a, b, …), which may be empty.
func (p *parser) names() []string {
	list := []string{}
	p.expect("(")
	for !p.sign(")") {
		list = append(list, p.name("a label"))
		if !p.take(tokenSign, ",") && !p.sign(")") {
			p.want(`"," or ")"`)
		}
	}
	p.next()
	return list
}

// name reads a name, bare or quoted.
func (p *parser) name(what string) string {
	t := p.peek()
	switch {
	case t.kind == tokenName:
		p.next()
		return t.text
	case t.kind == tokenString && t.text[0] == '"' && t.value != "":
		p.next()
		return t.value
	}
	p.want(what)
	return ""
}

func (p *parser) operand() Expr {
	t := p.peek()
	switch {
	case p.sign("{"):
		return p.log()
	case p.sign("("):
		return p.parentheses()
	case t.kind == tokenLiteral, p.sign("-"), p.sign("+"):
		return &Number{p.number()}
	case t.kind == tokenName:
		return p.call()
	}
	p.want("a selector such as {app=\"shop\"}, a function or a number")
	return nil
}

// parentheses reads (…); lines in them may go on as a pipeline.
func (p *parser) parentheses() Expr {
	defer p.deeper()()
	p.next()
	e := p.expression(0)
	p.expect(")")
	if l, ok := e.(*Log); ok {
		l.Stages = append(l.Stages, p.stages()...)
	}
	return e
}

func (p *parser) log() *Log {
	l := &Log{Matchers: p.matchers()}
	l.Stages = p.stages()
	return l
}

func (p *parser) matchers() []Matcher {
	p.expect("{")
	var list []Matcher
	for !p.sign("}") {
		m := Matcher{Name: p.name("a label or \"}\"")}
		m.Op, m.Value = p.matcherRest()
		list = append(list, m)
		if !p.take(tokenSign, ",") && !p.sign("}") {
			p.want(`"," or "}"`)
		}
	}
	p.next()
	return list
}

// matcherRest reads an operator of texts and a text.
func (p *parser) matcherRest() (MatchOp, string) {
	if !p.at(tokenSign, "=", "!=", "=~", "!~") {
		p.want("=, !=, =~ or !~")
	}
	op := MatchOp(p.next().text)
	text := p.text("a quoted value")
	if op == Regexp || op == NotRegexp {
		p.checkRegexp(p.tokens[p.pos-1], text)
	}
	return op, text
}

// text reads a quoted string.
func (p *parser) text(what string) string {
	if !p.at(tokenString) {
		p.want(what)
	}
	return p.next().value
}
