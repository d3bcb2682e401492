package traceql

import (
	"regexp"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
)

// check finds what is well-formed but has no meaning: operations on types that
// do not go together, conditions that are no condition.
func (p *parser) check(q *Query) {
	p.checkPipeline(q.Pipeline)
	if m := q.Metrics; m != nil {
		if m.Compare != nil {
			p.checkFilter(m.Compare.Selection)
		}
		if m.Arg != nil {
			if t := m.Arg.Type(); t != TypeUnknown && !t.Numeric() {
				p.fail(m.Arg.at, "%s needs a number, but %s is %s", m.Op, m.Arg, t)
			}
		}
	}
	for _, h := range q.Hints {
		if !isKnownHint(h.Key) {
			p.fail(h.at, "%q is no hint; want one of %s", h.Key, listed(knownHints[:3]))
		}
	}
}

func (p *parser) checkPipeline(pl Pipeline) {
	for _, s := range pl.Stages {
		switch s := s.(type) {
		case Spans:
			p.checkSpans(s.Expr)
		case ScalarFilter:
			p.checkScalar(s.Left)
			p.checkScalar(s.Right)
		case Scalar:
			p.checkScalar(s.Expr)
		case GroupBy:
			if p.typeOf(s.By); !refersToSpan(s.By) {
				p.fail(0, "by(%s) does not depend on the span", s.By)
			}
		}
	}
}

func (p *parser) checkSpans(e SpansExpr) {
	switch e := e.(type) {
	case Filter:
		p.checkFilter(e)
	case Structural:
		p.checkSpans(e.Left)
		p.checkSpans(e.Right)
	case Nested:
		p.checkPipeline(e.Pipeline)
	}
}

func (p *parser) checkFilter(f Filter) {
	if f.Condition == nil {
		return
	}
	if t := p.typeOf(f.Condition); t != TypeBool && t != TypeUnknown {
		p.fail(place(f.Condition), "%s is %s, not a condition", f.Condition, t)
	}
}

func (p *parser) checkScalar(e ScalarExpr) {
	switch e := e.(type) {
	case Aggregate:
		if e.Arg == nil {
			return
		}
		if t := p.typeOf(e.Arg); t != TypeUnknown && !t.Numeric() {
			p.fail(e.at, "%s needs numbers, but %s is %s", e.Op, e.Arg, t)
		} else if !refersToSpan(e.Arg) {
			p.fail(e.at, "%s does not depend on the span", e)
		}
	case ScalarOp:
		p.checkScalar(e.Left)
		p.checkScalar(e.Right)
	case Constant:
		if !e.Value.Type.Numeric() {
			p.fail(e.at, "%s is %s, not a number", e, e.Value.Type)
		}
	case Nested:
		p.checkPipeline(e.Pipeline)
	}
}

func place(e Expr) int {
	switch e := e.(type) {
	case Field:
		return e.at
	case Constant:
		return e.at
	case Unary:
		return e.at
	case Binary:
		return e.at
	}
	return 0
}

func refersToSpan(e Expr) bool {
	switch e := e.(type) {
	case Field:
		return true
	case Unary:
		return refersToSpan(e.X)
	case Binary:
		return refersToSpan(e.Left) || refersToSpan(e.Right)
	}
	return false
}

// typeOf is the type an expression has for every span, TypeUnknown where that
// depends on an attribute.
func (p *parser) typeOf(e Expr) Type {
	switch e := e.(type) {
	case Field:
		return e.Type()
	case Constant:
		return e.Value.Type
	case Unary:
		t := p.typeOf(e.X)
		if e.Op == "!" && t != TypeBool && t != TypeUnknown || e.Op == "-" && !t.Numeric() && t != TypeUnknown {
			p.fail(e.at, "%q does not go with %s", e.Op, t)
		}
		if e.Op == "!" {
			return TypeBool
		}
		return t
	case Binary:
		return p.typeOfBinary(e)
	}
	return TypeUnknown
}

func (p *parser) typeOfBinary(e Binary) Type {
	l, r := p.typeOf(e.Left), p.typeOf(e.Right)
	known := l != TypeUnknown && r != TypeUnknown
	fits := func(types ...Type) bool {
		for _, side := range []Type{l, r} {
			ok := side == TypeUnknown
			for _, t := range types {
				ok = ok || side == t
			}
			if !ok {
				return false
			}
		}
		return true
	}
	ok := true
	result := TypeBool
	switch e.Op {
	case "&&", "||":
		ok = fits(TypeBool)
	case "=", "!=":
		ok = !known || comparable(l, r) || l == TypeNil || r == TypeNil || l == TypeArray || r == TypeArray
	case "=~", "!~":
		ok = p.checkPattern(e, l, r)
	case ">", ">=", "<", "<=":
		ok = fits(TypeInt, TypeFloat, TypeDuration) || fits(TypeString)
	default:
		ok = fits(TypeInt, TypeFloat, TypeDuration)
		result = arithmeticType(l, r)
	}
	if !ok {
		p.fail(e.at, "%q does not go with %s and %s", e.Op, l, r)
	}
	return result
}

// checkPattern also holds patterns to be constant and well-formed.
func (p *parser) checkPattern(e Binary, l, r Type) bool {
	if l != TypeString && l != TypeUnknown {
		return false
	}
	c, constant := e.Right.(Constant)
	if !constant || r != TypeString && r != TypeArray {
		return false
	}
	patterns := []Value{c.Value}
	if r == TypeArray {
		patterns = c.Value.List
	}
	for _, v := range patterns {
		if v.Type != TypeString {
			return false
		}
		if _, err := regexp.Compile(attrcol.Anchored(v.Str)); err != nil {
			p.fail(c.at, "%s", err)
		}
	}
	return true
}

func arithmeticType(l, r Type) Type {
	switch {
	case l == TypeUnknown || r == TypeUnknown:
		return TypeUnknown
	case l == TypeDuration || r == TypeDuration:
		return TypeDuration
	case l == TypeFloat || r == TypeFloat:
		return TypeFloat
	}
	return TypeInt
}
