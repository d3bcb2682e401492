package attrcol

import (
	"regexp"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Typed is a condition on an attribute's typed value: a string is compared with
// strings only, a number with integers and doubles, a boolean with booleans.
// An attribute that is absent or of another type does not hold, also with the
// negative operators. An array holds if one of its elements does and, with the
// negative operators, if all do and it has some. The condition is true or
// false, never NULL. Values are looked for where types has them. The error is a
// *MatcherError.
func Typed(key string, op Op, v attribute.Value, types Types) (chsql.Expr, error) {
	if op == Regexp || op == NotRegexp {
		if _, err := regexp.Compile(v.Str); err != nil {
			return chsql.Expr{}, &MatcherError{Matcher{Key: key, Op: op, Value: v.Str}, err}
		}
	}
	if !chsql.IsPath(key) {
		return typedOther(key, op, v), nil
	}
	var found []chsql.Expr
	add := func(place Types, column, literal chsql.Expr) {
		if types.May(place) {
			found = append(found, chsql.Func("ifNull", Holds(column, op, literal), chsql.Bool(false)))
		}
	}
	switch v.Kind {
	case attribute.Int, attribute.Double:
		literal := chsql.Float(v.Double())
		if v.Kind == attribute.Int {
			literal = chsql.Int(v.Int())
		}
		add(Ints, chsql.PathAs(jsonColumn, key, "Int64"), literal)
		add(Doubles, chsql.PathAs(jsonColumn, key, "Float64"), literal)
	case attribute.Bool:
		add(Bools, chsql.PathAs(jsonColumn, key, "Bool"), chsql.Bool(v.Bool()))
	default:
		add(Strings, chsql.PathAs(jsonColumn, key, "String"), chsql.String(v.Str))
	}
	if types.May(Other) {
		found = append(found, typedOther(key, op, v))
	}
	return chsql.Or(found...), nil
}

// Holds applies an operator to SQL values of types that go together. Patterns
// are used as they are.
func Holds(e chsql.Expr, op Op, literal chsql.Expr) chsql.Expr {
	switch op {
	case NotEqual:
		return chsql.Ne(e, literal)
	case Regexp:
		return chsql.Func("match", e, literal)
	case NotRegexp:
		return chsql.Not(chsql.Func("match", e, literal))
	case Greater:
		return chsql.Gt(e, literal)
	case GreaterOrEqual:
		return chsql.Ge(e, literal)
	case Less:
		return chsql.Lt(e, literal)
	case LessOrEqual:
		return chsql.Le(e, literal)
	}
	return chsql.Eq(e, literal)
}

// Negative is whether an operator says what a value is not.
func (o Op) Negative() bool { return o == NotEqual || o == NotRegexp }

// typedOther is Typed for what attributes_other has of a key: arrays, and
// scalars of rare records.
func typedOther(key string, op Op, v attribute.Value) chsql.Expr {
	text := chsql.Func("arrayElement", chsql.Col(otherColumn), chsql.String(key))
	elements := chsql.Func("if", chsql.Func("JSONHas", text, chsql.String("arrayValue")),
		chsql.Func("JSONExtractArrayRaw", text, chsql.String("arrayValue"), chsql.String("values")), chsql.Func("array", text))
	e := chsql.Col("e")
	has := func(field string) chsql.Expr { return chsql.Func("JSONHas", e, chsql.String(field)) }
	var cond chsql.Expr
	switch v.Kind {
	case attribute.Int, attribute.Double:
		literal := chsql.Float(v.Double())
		if v.Kind == attribute.Int {
			literal = chsql.Int(v.Int())
		}
		cond = chsql.Or(
			chsql.And(has("intValue"), Holds(chsql.Func("toInt64OrZero", chsql.Func("JSONExtractString", e, chsql.String("intValue"))), op, literal)),
			chsql.And(has("doubleValue"), Holds(chsql.Func("JSONExtractFloat", e, chsql.String("doubleValue")), op, literal)))
	case attribute.Bool:
		cond = chsql.And(has("boolValue"), Holds(chsql.Func("JSONExtractBool", e, chsql.String("boolValue")), op, chsql.Bool(v.Bool())))
	default:
		cond = chsql.And(has("stringValue"), Holds(chsql.Func("JSONExtractString", e, chsql.String("stringValue")), op, chsql.String(v.Str)))
	}
	held := chsql.Func("arrayExists", chsql.Lambda("e", cond), elements)
	if op.Negative() {
		held = chsql.And(chsql.Func("notEmpty", elements), chsql.Func("arrayAll", chsql.Lambda("e", cond), elements))
	}
	return chsql.And(chsql.Func("mapContains", chsql.Col(otherColumn), chsql.String(key)), held)
}

// Number is an attribute's number, NULL where it has none. Values are looked for
// where types has them, as below.
func Number(key string, types Types) chsql.Expr {
	if !chsql.IsPath(key) {
		return chsql.Func("toFloat64OrNull", Text(key))
	}
	whole, double := chsql.Func("toFloat64", chsql.PathAs(jsonColumn, key, "Int64")), chsql.PathAs(jsonColumn, key, "Float64")
	switch {
	case !types.May(Doubles):
		return whole
	case !types.May(Ints):
		return double
	}
	return chsql.Func("coalesce", whole, double)
}

// TypeName is an attribute's type as the server names it (String, Int64,
// Float64, Bool), "other" for what is in attributes_other, "" where it is
// absent.
func TypeName(key string, types Types) chsql.Expr {
	other := chsql.Func("if", chsql.Func("mapContains", chsql.Col(otherColumn), chsql.String(key)), chsql.String("other"), chsql.String(""))
	if !chsql.IsPath(key) {
		return other
	}
	if !types.May(Other) {
		other = chsql.String("")
	}
	column, typ := narrowest(key, types)
	name := chsql.String(typ)
	if typ == "" {
		name = chsql.Func("dynamicType", column)
	}
	return chsql.Func("if", chsql.IsNotNull(column), name, other)
}

// narrowest is the column that has the typed values of a key, whatever they are; that of
// their type, and its name, where they are of one.
func narrowest(key string, types Types) (column chsql.Expr, typ string) {
	switch {
	case types.only(Strings):
		return chsql.PathAs(jsonColumn, key, "String"), "String"
	case types.only(Ints):
		return chsql.PathAs(jsonColumn, key, "Int64"), "Int64"
	case types.only(Doubles):
		return chsql.PathAs(jsonColumn, key, "Float64"), "Float64"
	case types.only(Bools):
		return chsql.PathAs(jsonColumn, key, "Bool"), "Bool"
	}
	return chsql.Path(jsonColumn, key), ""
}
