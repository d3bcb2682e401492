package traceql

import "math"

// Compare is the truth of a comparison. Of arrays any element will do, but for the
// negative operators, which must hold for all. Texts are compared with patterns by
// match.
func Compare(op string, l, r Value, match func(pattern, text string) bool) bool {
	negative := op == "!=" || op == "!~"
	for _, side := range []struct {
		array Value
		of    func(Value) bool
	}{
		{l, func(e Value) bool { return Compare(op, e, r, match) }},
		{r, func(e Value) bool { return Compare(op, l, e, match) }},
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
		return l.Type == TypeString && r.Type == TypeString && match(r.Str, l.Str) == (op == "=~")
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
func nilWritten(l, r Value) bool {
	written := func(v Value) bool { return v.Type == TypeNil && v.Int == writtenNil }
	return written(l) || written(r)
}

// writtenNil marks the nil of a query.
const writtenNil = 1

// IsArithmetic is whether an operator makes a number of two.
func IsArithmetic(op string) bool { return arithmeticPrecedence(op) > 0 }

// Arithmetic is the number that an operator makes of two, nil where there is none.
func Arithmetic(op string, l, r Value) Value {
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
