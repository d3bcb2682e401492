package attrcol

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

const (
	jsonColumn  = "attributes"
	otherColumn = "attributes_other"
)

// Own is the matcher as a condition on a table's own attributes, whatever the
// matcher's Scope. It is true or false, never NULL. The error is a
// *MatcherError.
func Own(m Matcher) (chsql.Expr, error) {
	switch m.Op {
	case Equal:
		return equal(m), nil
	case NotEqual:
		return chsql.Not(equal(m)), nil
	case Regexp, NotRegexp:
		if _, err := regexp.Compile(m.Value); err != nil { // before it is put into parentheses
			return chsql.Expr{}, &MatcherError{m, err}
		}
		match := chsql.Func("match", m.text(), chsql.String(Anchored(m.Value)))
		if m.Op == NotRegexp {
			return chsql.Not(match), nil
		}
		return match, nil
	}
	return compare(m)
}

// Condition is the matcher as a condition on a table of records with their own
// attributes, their tokens and a resource_id. The function ids is the select of the ids of
// the resources that a condition on their attributes holds for; resources it
// does not know count as without attributes.
func Condition(m Matcher, ids func(where chsql.Expr) chsql.Select) (chsql.Expr, error) {
	own, err := Own(m)
	if err != nil || m.Scope == Record {
		return Indexed(m, own), err
	}
	resource := chsql.InSelect(chsql.Col("resource_id"), ids(own))
	if m.matchesAbsent() {
		resource = chsql.NotInSelect(chsql.Col("resource_id"), ids(chsql.Not(own)))
	}
	if m.Scope == Resource {
		return resource, nil
	}
	if m.matchesAbsent() {
		own = chsql.And(Present(m.Key), own)
	}
	own = Indexed(m, own)
	return chsql.Or(own, chsql.And(chsql.Not(Present(m.Key)), resource)), nil
}

// Anchored makes a pattern match whole texts, line breaks included.
func Anchored(pattern string) string { return `^(?s:` + pattern + `)$` }

// OnText is the matcher as a condition on a text that is known to be there. It
// is not ok for a matcher that an absent attribute matches as well, and for one
// of numbers.
func (m Matcher) OnText() (cond func(text chsql.Expr) chsql.Expr, ok bool, err error) {
	switch m.Op {
	case Regexp, NotRegexp:
		if _, err := regexp.Compile(m.Value); err != nil {
			return nil, false, &MatcherError{m, err}
		}
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		return nil, false, nil
	}
	value := chsql.String(m.Value)
	return func(text chsql.Expr) chsql.Expr {
		switch m.Op {
		case Equal:
			return chsql.Eq(text, value)
		case NotEqual:
			return chsql.Ne(text, value)
		case Regexp:
			return chsql.Func("match", text, chsql.String(Anchored(m.Value)))
		default:
			return chsql.Not(chsql.Func("match", text, chsql.String(Anchored(m.Value))))
		}
	}, !m.matchesAbsent(), nil
}

// matchesAbsent is whether records without the key match.
func (m Matcher) matchesAbsent() bool {
	switch m.Op {
	case Equal:
		return m.Value == ""
	case NotEqual:
		return m.Value != ""
	case Regexp, NotRegexp:
		empty, err := regexp.MatchString(Anchored(m.Value), "")
		return err == nil && empty == (m.Op == Regexp)
	}
	return false
}

// PresentIn is Present where the values of the key are in some places only.
func PresentIn(key string, types Types) chsql.Expr {
	if types.May(Other) || !chsql.IsPath(key) {
		return Present(key)
	}
	column, _ := narrowest(key, types)
	return chsql.IsNotNull(column)
}

// Present is whether a row has the key.
func Present(key string) chsql.Expr {
	other := chsql.Func("mapContains", chsql.Col(otherColumn), chsql.String(key))
	if !chsql.IsPath(key) {
		return chsql.Or(chsql.Func("has", chsql.Func("JSONAllPaths", chsql.Col(jsonColumn)), chsql.String(key)), other)
	}
	return chsql.Or(chsql.IsNotNull(chsql.Path(jsonColumn, key)), other)
}

// Text is the text of an attribute, "" where a row has no such key. It is
// Value.Text but for the spelling of doubles that Go writes with an exponent
// (the server has 1e300 and 9223372036854776000 for 1e+300 and
// 9.223372036854776e+18), and for arrays and maps, which are in OTLP/JSON.
func Text(key string) chsql.Expr {
	other := otherText(chsql.Func("arrayElement", chsql.Col(otherColumn), chsql.String(key)))
	if !chsql.IsPath(key) {
		paths, values := chsql.Func("JSONAllPaths", chsql.Col(jsonColumn)), chsql.Func("JSONAllValues", chsql.Col(jsonColumn))
		at := chsql.Func("indexOf", paths, chsql.String(key))
		return chsql.Func("if", chsql.Gt(at, chsql.Int(0)), chsql.Func("arrayElement", values, at), other)
	}
	path := chsql.Path(jsonColumn, key)
	return chsql.Func("if", chsql.IsNotNull(path), chsql.Func("toString", path), other)
}

// TextOf is Text where the values of the key are in some places only.
func TextOf(key string, types Types) chsql.Expr {
	if types.May(Other) || !chsql.IsPath(key) {
		return Text(key)
	}
	text := chsql.Func("toString", chsql.Path(jsonColumn, key))
	switch {
	case types.only(Strings):
		text = chsql.PathAs(jsonColumn, key, "String")
	case types.only(Ints):
		text = chsql.Func("toString", chsql.PathAs(jsonColumn, key, "Int64"))
	}
	return chsql.Func("ifNull", text, chsql.String(""))
}

func (m Matcher) text() chsql.Expr {
	return TextOf(m.Key, m.Types)
}

// otherText is the text in a value of attributes_other.
func otherText(v chsql.Expr) chsql.Expr {
	var args []chsql.Expr
	for _, field := range []chsql.Expr{chsql.String("stringValue"), chsql.String("bytesValue"), chsql.String("intValue")} {
		args = append(args, chsql.Func("JSONHas", v, field), chsql.Func("JSONExtractString", v, field))
	}
	for _, field := range []chsql.Expr{chsql.String("boolValue"), chsql.String("doubleValue")} {
		args = append(args, chsql.Func("JSONHas", v, field), chsql.Func("JSONExtractRaw", v, field))
	}
	args = append(args, chsql.Eq(v, chsql.String("{}")), chsql.String(""), v)
	return chsql.Func("if", chsql.Eq(v, chsql.String("")), chsql.String(""), chsql.Func("multiIf", args...))
}

// equal asks the types that may spell the text for their value: typed columns,
// of which no text is made. Where several may, and all spell it alike, making the
// text is cheaper.
func equal(m Matcher) chsql.Expr {
	if m.Value == "" || !chsql.IsPath(m.Key) {
		return chsql.Eq(m.text(), chsql.String(m.Value))
	}
	var found []chsql.Expr
	if m.Types.May(Strings) {
		found = append(found, isValue(chsql.PathAs(jsonColumn, m.Key, "String"), chsql.String(m.Value)))
	}
	if i, err := strconv.ParseInt(m.Value, 10, 64); err == nil && strconv.FormatInt(i, 10) == m.Value && m.Types.May(Ints) {
		found = append(found, isValue(chsql.PathAs(jsonColumn, m.Key, "Int64"), chsql.Int(i)))
	}
	if f, err := strconv.ParseFloat(m.Value, 64); err == nil && m.Types.May(Doubles) {
		if f != f {
			nan := chsql.Func("isNaN", chsql.PathAs(jsonColumn, m.Key, "Float64"))
			found = append(found, chsql.Func("ifNull", nan, chsql.Bool(false)))
		} else {
			found = append(found, isValue(chsql.PathAs(jsonColumn, m.Key, "Float64"), chsql.Float(f)))
		}
	}
	if spelledAlike(m.Value) && (len(found) > 1 || m.Types.May(Bools)) {
		found = []chsql.Expr{isValue(chsql.Func("toString", chsql.Path(jsonColumn, m.Key)), chsql.String(m.Value))}
	}
	if m.Types.May(Other) {
		other := chsql.Func("arrayElement", chsql.Col(otherColumn), chsql.String(m.Key))
		found = append(found, chsql.InStrings(other, otherSpellings(m.Value)))
	}
	return chsql.Or(found...)
}

// spelledAlike is whether each type has one spelling, the text, of the value that
// the text spells: integers that doubles can tell apart, and booleans.
func spelledAlike(text string) bool {
	if text == "true" || text == "false" {
		return true
	}
	const exact = 1 << 53
	i, err := strconv.ParseInt(text, 10, 64)
	return err == nil && -exact < i && i < exact && strconv.FormatInt(i, 10) == text
}

// isValue is false where e is NULL.
func isValue(e, value chsql.Expr) chsql.Expr {
	return chsql.Func("ifNull", chsql.Eq(e, value), chsql.Bool(false))
}

// otherSpellings are the values in attributes_other that have a text.
func otherSpellings(text string) []string {
	values := []attribute.Value{attribute.StringValue(text)}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		values = append(values, attribute.BytesValue(string(raw)))
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		values = append(values, attribute.IntValue(i))
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		values = append(values, attribute.DoubleValue(f))
	}
	if text == "true" || text == "false" {
		values = append(values, attribute.BoolValue(text == "true"))
	}
	var spellings []string
	for _, v := range values {
		spellings = append(spellings, string(v.AppendJSON(nil)))
	}
	if v, ok := anyValueOf(text); ok {
		spellings = append(spellings, v)
	}
	return spellings
}

// anyValueOf is a plain JSON array or object as an OTLP/JSON AnyValue, spelled
// as it is stored.
func anyValueOf(text string) (string, bool) {
	if !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "{") {
		return "", false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return "", false
	}
	return string(appendAny(nil, v)), true
}

func appendAny(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return attribute.StringValue(v).AppendJSON(dst)
	case bool:
		return attribute.BoolValue(v).AppendJSON(dst)
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return attribute.IntValue(i).AppendJSON(dst)
		}
		f, _ := v.Float64()
		return attribute.DoubleValue(f).AppendJSON(dst)
	case []any:
		dst = append(dst, `{"arrayValue":{"values":[`...)
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendAny(dst, e)
		}
		return append(dst, `]}}`...)
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		dst = append(dst, `{"kvlistValue":{"values":[`...)
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"key":`...)
			dst = attribute.AppendQuoted(dst, k)
			dst = append(dst, `,"value":`...)
			dst = appendAny(dst, v[k])
			dst = append(dst, '}')
		}
		return append(dst, `]}}`...)
	}
	return append(dst, `{}`...)
}

// compare is a number operator.
func compare(m Matcher) (chsql.Expr, error) {
	number, err := strconv.ParseFloat(m.Value, 64)
	if err != nil {
		return chsql.Expr{}, &MatcherError{m, err}
	}
	value := chsql.Float(number)
	if i, err := strconv.ParseInt(m.Value, 10, 64); err == nil {
		value = chsql.Int(i) // exact beyond 2^53
	}
	op := map[Op]func(a, b chsql.Expr) chsql.Expr{Greater: chsql.Gt, GreaterOrEqual: chsql.Ge, Less: chsql.Lt, LessOrEqual: chsql.Le}[m.Op]
	holds := func(e chsql.Expr) chsql.Expr { return chsql.Func("ifNull", op(e, value), chsql.Bool(false)) }
	if !chsql.IsPath(m.Key) {
		return holds(chsql.Func("toFloat64OrNull", Text(m.Key))), nil
	}
	var found []chsql.Expr
	if m.Types.May(Ints) {
		found = append(found, holds(chsql.PathAs(jsonColumn, m.Key, "Int64")))
	}
	if m.Types.May(Doubles) {
		found = append(found, holds(chsql.PathAs(jsonColumn, m.Key, "Float64")))
	}
	if m.Types.May(Strings) {
		found = append(found, holds(chsql.Func("toFloat64OrNull", chsql.PathAs(jsonColumn, m.Key, "String"))))
	}
	return chsql.Or(found...), nil
}

// Keys is an aggregate: a row a key of the attributes of all rows. It is a good
// deal cheaper than listing the keys of each row.
func Keys() chsql.Expr {
	paths := chsql.Func("distinctJSONPaths", chsql.Col(jsonColumn))
	others := chsql.Func("groupUniqArrayArray", chsql.Func("mapKeys", chsql.Col(otherColumn)))
	return chsql.Func("arrayJoin", chsql.Func("arrayConcat", paths, others))
}
