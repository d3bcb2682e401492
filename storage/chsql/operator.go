package chsql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func binary(a Expr, op string, b Expr) Expr {
	return Expr{a.asOperand() + " " + op + " " + b.asOperand(), false}
}

// Eq is a = b.
func Eq(a, b Expr) Expr { return binary(a, "=", b) }

// Ne is a != b.
func Ne(a, b Expr) Expr { return binary(a, "!=", b) }

// Lt is a < b.
func Lt(a, b Expr) Expr { return binary(a, "<", b) }

// Le is a <= b.
func Le(a, b Expr) Expr { return binary(a, "<=", b) }

// Gt is a > b.
func Gt(a, b Expr) Expr { return binary(a, ">", b) }

// Ge is a >= b.
func Ge(a, b Expr) Expr { return binary(a, ">=", b) }

// IsNull is whether a value is absent.
func IsNull(e Expr) Expr { return Expr{e.asOperand() + " IS NULL", false} }

// IsNotNull is whether a value is there.
func IsNotNull(e Expr) Expr { return Expr{e.asOperand() + " IS NOT NULL", false} }

// Bool is true or false.
func Bool(b bool) Expr { return Expr{strconv.FormatBool(b), true} }

// Not is the negation.
func Not(e Expr) Expr { return Expr{"NOT " + e.asOperand(), false} }

// And joins conditions; without any it is true.
func And(exprs ...Expr) Expr { return join(" AND ", Bool(true), exprs) }

// Or joins conditions; without any it is false.
func Or(exprs ...Expr) Expr { return join(" OR ", Bool(false), exprs) }

func join(op string, none Expr, exprs []Expr) Expr {
	switch len(exprs) {
	case 0:
		return none
	case 1:
		return exprs[0]
	}
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = e.asOperand()
	}
	return Expr{strings.Join(parts, op), false}
}

// Contains is whether text is a part of e. It is a LIKE, not a position, which a text
// index on e does not know; see package fulltext.
func Contains(e Expr, text string) Expr {
	if !utf8.ValidString(text) { // of which an index would take the wrong tokens
		return Gt(Func("position", e, String(text)), Int(0))
	}
	return like(e, " LIKE ", text)
}

// ContainsFold is Contains in any case.
func ContainsFold(e Expr, text string) Expr {
	if !utf8.ValidString(text) { // ILIKE folds characters, and there are none
		return Gt(Func("positionCaseInsensitive", e, String(text)), Int(0))
	}
	return like(e, " ILIKE ", text)
}

// ContainsInOrder is whether texts are parts of e, one behind the other.
func ContainsInOrder(e Expr, texts ...string) Expr { return like(e, " LIKE ", texts...) }

func like(e Expr, op string, texts ...string) Expr {
	literal := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	pattern := "%"
	for _, text := range texts {
		pattern += literal.Replace(text) + "%"
	}
	return Expr{e.asOperand() + op + String(pattern).sql, false}
}

// In is whether e is among set; false for an empty set.
func In(e Expr, set ...Expr) Expr {
	switch len(set) {
	case 0:
		return Bool(false)
	case 1:
		return Eq(e, set[0])
	}
	return Expr{e.asOperand() + " IN (" + list(set) + ")", false}
}

// InStrings is In for texts.
func InStrings(e Expr, set []string) Expr {
	exprs := make([]Expr, len(set))
	for i, s := range set {
		exprs[i] = String(s)
	}
	return In(e, exprs...)
}

// InParam is whether e is in a parameter that is an array.
func InParam(e, param Expr) Expr { return Expr{e.asOperand() + " IN " + param.sql, false} }

// InSelect is whether e is in the result of a select of one column. It is
// GLOBAL, that is, on several servers the select runs once for all of them.
func InSelect(e Expr, s Select) Expr {
	return Expr{e.asOperand() + " GLOBAL IN (\n" + indent(s.SQL()) + "\n)", false}
}

// NotInSelect is whether e is not in the result of a select of one column.
func NotInSelect(e Expr, s Select) Expr {
	return Expr{e.asOperand() + " GLOBAL NOT IN (\n" + indent(s.SQL()) + "\n)", false}
}

// Minus is a - b.
func Minus(a, b Expr) Expr { return binary(a, "-", b) }
