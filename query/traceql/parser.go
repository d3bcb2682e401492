package traceql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a query's text.
const (
	maxQuery = 64 << 10
	maxDepth = 100
)

// Parse reads and checks a query. The error is an *Error.
func Parse(query string) (*Query, error) {
	if len(query) > maxQuery {
		return nil, &Error{Query: query, Offset: maxQuery, Message: fmt.Sprintf("the query is longer than %d bytes", maxQuery)}
	}
	tokens, err := lex(query)
	if err != nil {
		return nil, err
	}
	p := &parser{query: query, tokens: tokens}
	q := p.parse()
	if p.err == nil {
		p.check(q)
	}
	if p.err != nil {
		return nil, p.err
	}
	return q, nil
}

// parser is recursive descent. After the first error it only runs out: next
// gives the end of the query.
type parser struct {
	query  string
	tokens []token
	i      int
	depth  int
	err    *Error
}

func (p *parser) peek() token {
	if p.err != nil {
		return p.tokens[len(p.tokens)-1]
	}
	return p.tokens[p.i]
}

func (p *parser) next() token {
	t := p.peek()
	if p.i < len(p.tokens)-1 {
		p.i++
	}
	return t
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Query: p.query, Offset: at, Message: fmt.Sprintf(format, args...)}
	}
}

func (p *parser) unexpected(want string) {
	t := p.peek()
	p.fail(t.at, "unexpected %s; want %s", t.text, want)
}

func (p *parser) is(sign string) bool {
	t := p.peek()
	return t.kind == tokenSign && t.text == sign
}

func (p *parser) isOneOf(signs ...string) bool {
	t := p.peek()
	return t.kind == tokenSign && slices.Contains(signs, t.text)
}

func (p *parser) isWord(words ...string) bool {
	t := p.peek()
	return t.kind == tokenWord && slices.Contains(words, t.text)
}

// isCall is a word with an opening parenthesis behind it.
func (p *parser) isCall(words ...string) bool {
	if !p.isWord(words...) || p.i+1 >= len(p.tokens) {
		return false
	}
	t := p.tokens[p.i+1]
	return t.kind == tokenSign && t.text == "("
}

func (p *parser) accept(sign string) bool {
	if p.is(sign) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(sign string) {
	if !p.accept(sign) {
		p.unexpected(strconv.Quote(sign))
	}
}

// enter bounds the depth of nesting; a false ends it.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek().at, "expressions are nested deeper than %d", maxDepth)
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) parse() *Query {
	q := &Query{}
	q.Pipeline, q.Metrics = p.pipeline(true)
	if q.Metrics != nil {
		q.Stages = p.metricsStages()
	}
	if p.isCall("with") {
		q.Hints = p.hints()
	}
	if t := p.peek(); t.kind != tokenEnd {
		p.unexpected("a pipe, an operator or the end of the query")
	}
	return q
}

// pipeline reads stages; at the top a metrics function may end it.
func (p *parser) pipeline(top bool) (Pipeline, *Metrics) {
	var pl Pipeline
	for {
		if top && len(pl.Stages) > 0 && p.isCall(metricsFunctions...) {
			return pl, p.metrics()
		}
		if top && len(pl.Stages) == 0 && p.isCall(metricsFunctions...) {
			p.fail(p.peek().at, "a metrics query begins with spans, as in { } | %s()", p.peek().text)
		}
		pl.Stages = append(pl.Stages, p.stage(top))
		if p.err != nil || !p.accept("|") {
			return pl, nil
		}
	}
}

var aggregates = []string{"count", "avg", "min", "max", "sum"}

func (p *parser) stage(top bool) Stage {
	if !p.enter() {
		return Coalesce{}
	}
	defer p.leave()
	switch {
	case p.isCall("by"):
		p.next()
		p.expect("(")
		e := p.fieldExpr(0)
		p.expect(")")
		return GroupBy{e}
	case p.isCall("coalesce"):
		p.next()
		p.expect("(")
		p.expect(")")
		return Coalesce{}
	case p.isCall("select"):
		p.next()
		p.expect("(")
		fields := p.fields()
		p.expect(")")
		return Select{fields}
	}
	return p.expressionStage(top)
}

// expressionStage reads spans, or a comparison of scalars: which of them is
// known from what stands at its beginning, except for parentheses, which hold
// either.
func (p *parser) expressionStage(top bool) Stage {
	at := p.peek().at
	left := p.pipeOperand(0)
	switch e := left.(type) {
	case SpansExpr:
		if n, ok := e.(Nested); !ok || !n.isScalar() {
			return Spans{e}
		}
	}
	scalar, ok := left.(ScalarExpr)
	if !ok {
		p.unexpected("spans, as in { }, or a comparison of aggregates, as in count() > 2")
		return Coalesce{}
	}
	if p.isOneOf("=", "!=", ">", ">=", "<", "<=") {
		op := p.next().text
		right, ok := p.pipeOperand(precedenceCompare).(ScalarExpr)
		if !ok {
			p.fail(at, "a number cannot be compared with spans")
			return Coalesce{}
		}
		return ScalarFilter{op, scalar, right}
	}
	if top {
		p.unexpected("a comparison, as in count() > 2")
	}
	return Scalar{scalar}
}

// isScalar is whether the nested pipeline ends in a number.
func (n Nested) isScalar() bool {
	if len(n.Pipeline.Stages) == 0 {
		return false
	}
	_, ok := n.Pipeline.Stages[len(n.Pipeline.Stages)-1].(Scalar)
	return ok
}

// Precedences of operators between spansets and between values; operators of
// one precedence go from left to right, powers from right to left.
const (
	precedenceLogic = iota + 1
	precedenceCompare
	precedenceSum
	precedenceProduct
	precedencePower
)

func structuralPrecedence(sign string) int {
	switch sign {
	case "&&", "||":
		return precedenceLogic
	case ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~":
		return precedenceCompare
	}
	return 0
}

func arithmeticPrecedence(sign string) int {
	switch sign {
	case "+", "-":
		return precedenceSum
	case "*", "/", "%":
		return precedenceProduct
	case "^":
		return precedencePower
	}
	return 0
}

// pipeOperand reads spans or a scalar, with operators that bind tighter than
// least. It is nil after an error.
func (p *parser) pipeOperand(least int) any {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	left := p.pipePrimary()
	for p.err == nil && p.peek().kind == tokenSign {
		sign := p.peek()
		spans, isSpans := left.(SpansExpr)
		if n, ok := left.(Nested); ok && n.isScalar() {
			isSpans = false
		}
		precedence := arithmeticPrecedence(sign.text)
		if isSpans {
			precedence = structuralPrecedence(sign.text)
		}
		if precedence == 0 || precedence <= least {
			return left
		}
		p.next()
		if sign.text == "^" {
			precedence--
		}
		right := p.pipeOperand(precedence)
		if isSpans {
			other, ok := right.(SpansExpr)
			if n, nested := right.(Nested); !ok || nested && n.isScalar() {
				p.fail(sign.at, "%q needs spans on both sides", sign.text)
				return nil
			}
			left = Structural{sign.text, spans, other}
			continue
		}
		other, ok := right.(ScalarExpr)
		if n, nested := right.(Nested); !ok || nested && !n.isScalar() {
			p.fail(sign.at, "%q needs numbers on both sides", sign.text)
			return nil
		}
		left = ScalarOp{sign.text, left.(ScalarExpr), other}
	}
	return left
}

func (p *parser) pipePrimary() any {
	switch t := p.peek(); {
	case p.is("{"):
		return p.filter()
	case p.accept("("):
		pl, _ := p.pipeline(false)
		p.expect(")")
		return unwrap(Nested{pl})
	case p.isCall(aggregates...):
		return p.aggregate()
	case p.accept("-"):
		v := p.next()
		n, ok := Negated(v.value)
		if v.kind != tokenValue || !ok {
			p.fail(v.at, "want a number behind the minus")
		}
		return Constant{n, t.at}
	case t.kind == tokenValue:
		p.next()
		return Constant{t.value, t.at}
	case t.kind == tokenField:
		p.fail(t.at, "fields stand in braces, as in { %s = \"…\" }", t.field)
		return nil
	}
	p.unexpected("spans, as in { status = error }")
	return nil
}

// unwrap drops parentheses around what is one expression anyway.
func unwrap(n Nested) any {
	if len(n.Pipeline.Stages) != 1 {
		return n
	}
	switch s := n.Pipeline.Stages[0].(type) {
	case Spans:
		return s.Expr
	case Scalar:
		return s.Expr
	}
	return n
}

// Negated is a number with the other sign; not ok for what is no number.
func Negated(v Value) (Value, bool) {
	if !v.Type.Numeric() {
		return v, false
	}
	v.Int, v.Float = -v.Int, -v.Float
	return v, true
}

func (p *parser) filter() Filter {
	p.expect("{")
	if p.accept("}") {
		return Filter{}
	}
	f := Filter{Condition: p.fieldExpr(0)}
	p.expect("}")
	return f
}

func (p *parser) aggregate() Aggregate {
	t := p.next()
	a := Aggregate{Op: t.text, at: t.at}
	p.expect("(")
	if !p.is(")") {
		a.Arg = p.fieldExpr(0)
	}
	p.expect(")")
	switch {
	case a.Op == "count" && a.Arg != nil:
		p.fail(t.at, "count() takes no argument")
	case a.Op != "count" && a.Arg == nil:
		p.fail(t.at, "%s() needs a field, as in %s(duration)", a.Op, a.Op)
	}
	return a
}

func (p *parser) fields() []Field {
	list := []Field{p.field()}
	for p.accept(",") {
		list = append(list, p.field())
	}
	return list
}

func (p *parser) field() Field {
	t := p.next()
	f := t.field
	if t.kind == tokenWord {
		in, ok := intrinsicNamed(t.text)
		if !ok {
			p.fail(t.at, "%q is no field; want an attribute such as span.%s or .%s, or an intrinsic field such as duration", t.text, t.text, t.text)
		}
		f = Field{Intrinsic: in}
	} else if t.kind != tokenField {
		p.fail(t.at, "unexpected %s; want a field such as span.http.route or duration", t.text)
	}
	f.at = t.at
	return f
}

func expressionPrecedence(sign string) int {
	switch sign {
	case "&&", "||":
		return precedenceLogic
	case "=", "!=", ">", ">=", "<", "<=", "=~", "!~":
		return precedenceCompare
	}
	return arithmeticPrecedence(sign)
}

// fieldExpr reads a value of a span, with operators that bind tighter than
// least.
func (p *parser) fieldExpr(least int) Expr {
	if !p.enter() {
		return Constant{}
	}
	defer p.leave()
	left := p.fieldUnary()
	for p.err == nil {
		t := p.peek()
		precedence := expressionPrecedence(t.text)
		if t.kind != tokenSign || precedence == 0 || precedence <= least {
			return left
		}
		p.next()
		if t.text == "^" {
			precedence--
		}
		left = Binary{Op: t.text, Left: left, Right: p.fieldExpr(precedence), at: t.at}
	}
	return left
}

func (p *parser) fieldUnary() Expr {
	t := p.peek()
	switch {
	case p.accept("!"):
		return Unary{Op: "!", X: p.fieldExpr(precedenceSum), at: t.at}
	case p.accept("-"):
		x := p.fieldExpr(precedenceProduct - 1)
		if c, ok := x.(Constant); ok {
			if v, ok := Negated(c.Value); ok {
				return Constant{v, t.at}
			}
		}
		return Unary{Op: "-", X: x, at: t.at}
	case p.accept("("):
		e := p.fieldExpr(0)
		p.expect(")")
		return e
	case p.accept("["):
		return p.array(t.at)
	case t.kind == tokenValue:
		p.next()
		return Constant{t.value, t.at}
	case t.kind == tokenWord:
		if v, ok := constantNamed(t.text); ok {
			p.next()
			return Constant{v, t.at}
		}
	case t.kind != tokenField:
		p.unexpected("a field or a value")
		return Constant{}
	}
	return p.field()
}

func (p *parser) array(at int) Expr {
	var list []Value
	for !p.accept("]") && p.err == nil {
		if len(list) > 0 {
			p.expect(",")
		}
		c, ok := p.fieldUnary().(Constant)
		if !ok {
			p.fail(at, "an array holds values only")
		}
		list = append(list, c.Value)
	}
	return Constant{Array(list), at}
}

func constantNamed(word string) (Value, bool) {
	switch word {
	case "true", "false":
		return Bool(word == "true"), true
	case "nil":
		return Value{Type: TypeNil, Int: writtenNil}, true
	}
	if i := slices.Index(statuses[:], word); i >= 0 {
		return StatusValue(uint8(i)), true
	}
	if i := slices.Index(kinds[:], word); i >= 0 {
		return KindValue(uint8(i)), true
	}
	return Value{}, false
}

func (p *parser) hints() (list []Hint) {
	p.next()
	p.expect("(")
	for p.err == nil {
		key := p.next()
		if key.kind != tokenWord {
			p.fail(key.at, "want a hint such as most_recent=true")
		}
		p.expect("=")
		e, ok := p.fieldUnary().(Constant)
		if !ok {
			p.fail(key.at, "a hint has a value, as in %s=true", key.text)
		}
		list = append(list, Hint{key.text, e.Value, key.at})
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

// listed joins words for an error.
func listed(words []string) string { return strings.Join(words, ", ") }
