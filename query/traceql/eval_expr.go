package traceql

import (
	"math"
	"regexp"
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
)

// evaluator is what evaluations of one query share.
type evaluator struct {
	trace    *Trace
	patterns *patterns
}

// patterns are compiled regular expressions; safe for concurrent use.
type patterns struct{ known sync.Map }

func (p *patterns) match(pattern, text string) bool {
	re, ok := p.known.Load(pattern)
	if !ok {
		compiled, err := regexp.Compile(attrcol.Anchored(pattern))
		if err != nil { // checked by the parser
			return false
		}
		re, _ = p.known.LoadOrStore(pattern, compiled)
	}
	return re.(*regexp.Regexp).MatchString(text)
}

// value evaluates an expression for the i-th span.
func (ev *evaluator) value(i int, e Expr) Value {
	switch e := e.(type) {
	case Field:
		return ev.trace.Value(i, e)
	case Constant:
		return e.Value
	case Unary:
		x := ev.value(i, e.X)
		if e.Op == "!" {
			if x.Type != TypeBool {
				return Nil()
			}
			return Bool(x.Int == 0)
		}
		if v, ok := negated(x); ok {
			return v
		}
		return Nil()
	case Binary:
		return ev.binary(i, e)
	}
	return Nil()
}

func (ev *evaluator) binary(i int, e Binary) Value {
	switch e.Op {
	case "&&":
		return Bool(ev.value(i, e.Left).True() && ev.value(i, e.Right).True())
	case "||":
		return Bool(ev.value(i, e.Left).True() || ev.value(i, e.Right).True())
	}
	l, r := ev.value(i, e.Left), ev.value(i, e.Right)
	if arithmeticPrecedence(e.Op) > 0 {
		return arithmetic(e.Op, l, r)
	}
	return Bool(ev.compare(e.Op, l, r))
}

// compare is an operator's truth. Of arrays any element will do, but for the
// negative operators, which must hold for all.
func (ev *evaluator) compare(op string, l, r Value) bool {
	negative := op == "!=" || op == "!~"
	for _, side := range []struct {
		array Value
		of    func(Value) bool
	}{
		{l, func(e Value) bool { return ev.compare(op, e, r) }},
		{r, func(e Value) bool { return ev.compare(op, l, e) }},
	} {
		if side.array.Type != TypeArray {
			continue
		}
		for _, e := range side.array.List {
			if side.of(e) != negative {
				return !negative
			}
		}
		return negative && len(side.array.List) > 0
	}
	if l.Type == TypeNil || r.Type == TypeNil {
		return nilWritten(l, r) && (op == "=" && l.Type == r.Type || op == "!=" && l.Type != r.Type)
	}
	if op == "=~" || op == "!~" {
		return l.Type == TypeString && r.Type == TypeString && ev.patterns.match(r.Str, l.Str) == (op == "=~")
	}
	if !comparable(l.Type, r.Type) {
		return false
	}
	c, ok := order(l, r)
	if !ok {
		return false
	}
	switch op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// nilWritten tells a comparison with the nil of a query, which asks for
// absence, from one with an absent attribute, which never holds.
func nilWritten(l, r Value) bool { return l.Int == writtenNil || r.Int == writtenNil }

// writtenNil marks the nil of a query.
const writtenNil = 1

func arithmetic(op string, l, r Value) Value {
	x, okX := l.Number()
	y, okY := r.Number()
	if !okX || !okY {
		return Nil()
	}
	typ := arithmeticType(l.Type, r.Type)
	if typ == TypeInt {
		if v, ok := integers(op, l.Int, r.Int); ok {
			return Int(v)
		}
		typ = TypeFloat
	}
	var f float64
	switch op {
	case "+":
		f = x + y
	case "-":
		f = x - y
	case "*":
		f = x * y
	case "/":
		f = x / y
	case "%":
		f = math.Mod(x, y)
	case "^":
		f = math.Pow(x, y)
	}
	if typ == TypeDuration {
		if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
			return Nil()
		}
		if op == "/" && l.Type == TypeDuration && r.Type == TypeDuration {
			return Float(f)
		}
		return Value{Type: TypeDuration, Int: int64(f)}
	}
	return Float(f)
}

// integers is arithmetic whose result is an integer; divisions may have others.
func integers(op string, a, b int64) (int64, bool) {
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "%":
		if b != 0 {
			return a % b, true
		}
	}
	return 0, false
}
