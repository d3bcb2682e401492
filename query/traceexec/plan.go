package traceexec

import (
	"encoding/hex"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// plan is what of a query storage can decide. Every trace that the query
// matches has a span that where holds for, and one for each of also.
type plan struct {
	where tracestore.Condition
	also  []tracestore.Condition
	// exact: the spans that the query selects are those that where holds for.
	exact bool
}

// never holds for no span.
func never() tracestore.Condition { return tracestore.Or{} }

func anything() plan { return plan{where: tracestore.All{}} }

// planPipeline looks at the first stages, as long as they are filters.
func planPipeline(p traceql.Pipeline) plan {
	if len(p.Stages) == 0 {
		return anything()
	}
	first, ok := p.Stages[0].(traceql.Spans)
	if !ok {
		return anything()
	}
	out := planSpans(first.Expr)
	filters := out.exact
	for _, s := range p.Stages[1:] {
		switch s := s.(type) {
		case traceql.Select, traceql.Coalesce:
		case traceql.Spans:
			f, ok := s.Expr.(traceql.Filter)
			if !ok || !filters {
				out.exact, filters = false, false
				continue
			}
			more := planFilter(f)
			out.where = tracestore.And{out.where, more.where}
			out.exact = out.exact && more.exact
		default:
			out.exact, filters = false, false
		}
	}
	return out
}

func planSpans(e traceql.SpansExpr) plan {
	switch e := e.(type) {
	case traceql.Filter:
		return planFilter(e)
	case traceql.Nested:
		p := planPipeline(e.Pipeline)
		for _, s := range e.Pipeline.Stages {
			if _, ok := s.(traceql.Spans); !ok {
				p.exact = false
			}
		}
		return p
	case traceql.Structural:
		return planStructural(e)
	}
	return anything()
}

func planStructural(e traceql.Structural) plan {
	l, r := planSpans(e.Left), planSpans(e.Right)
	switch {
	case e.Op == "||":
		return plan{where: tracestore.Or{l.where, r.where}, exact: l.exact && r.exact}
	case e.Op[0] == '!':
		return plan{where: r.where, also: r.also}
	}
	return plan{where: r.where, also: append(append(r.also, l.where), l.also...)}
}

func planFilter(f traceql.Filter) plan {
	if f.Condition == nil {
		return plan{where: tracestore.All{}, exact: true}
	}
	where, exact := condition(f.Condition)
	return plan{where: where, exact: exact}
}

// condition is an expression as a condition of storage. One that is not exact
// lets more through.
func condition(e traceql.Expr) (tracestore.Condition, bool) {
	switch e := e.(type) {
	case traceql.Constant:
		if e.Value.True() {
			return tracestore.All{}, true
		}
		return never(), true
	case traceql.Field:
		return leaf(e, "=", traceql.Bool(true))
	case traceql.Unary:
		if c, exact := condition(e.X); exact && e.Op == "!" && isComparison(e.X) {
			return tracestore.Not{Of: c}, true
		}
		return tracestore.All{}, false
	case traceql.Binary:
		switch e.Op {
		case "&&":
			l, okL := condition(e.Left)
			r, okR := condition(e.Right)
			return tracestore.And(append(parts(l), parts(r)...)), okL && okR
		case "||":
			l, okL := condition(e.Left)
			r, okR := condition(e.Right)
			return tracestore.Or{l, r}, okL && okR
		}
		return comparison(e)
	}
	return tracestore.All{}, false
}

// isComparison is whether an expression is true or false for every span, and
// not absent for some.
func isComparison(e traceql.Expr) bool {
	b, ok := e.(traceql.Binary)
	return ok && b.Op != ""
}

// parts are the members of a conjunction.
func parts(c tracestore.Condition) []tracestore.Condition {
	if and, ok := c.(tracestore.And); ok {
		return and
	}
	return []tracestore.Condition{c}
}

var flipped = map[string]string{"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func comparison(e traceql.Binary) (tracestore.Condition, bool) {
	if f, ok := e.Left.(traceql.Field); ok {
		if c, ok := e.Right.(traceql.Constant); ok {
			return leaf(f, e.Op, c.Value)
		}
	}
	if f, ok := e.Right.(traceql.Field); ok {
		if c, ok := e.Left.(traceql.Constant); ok && flipped[e.Op] != "" {
			return leaf(f, flipped[e.Op], c.Value)
		}
	}
	return tracestore.All{}, false
}

var operators = map[string]attrcol.Op{
	"=": attrcol.Equal, "!=": attrcol.NotEqual, "=~": attrcol.Regexp, "!~": attrcol.NotRegexp,
	">": attrcol.Greater, ">=": attrcol.GreaterOrEqual, "<": attrcol.Less, "<=": attrcol.LessOrEqual,
}

// leaf is a comparison of a field with a value.
func leaf(f traceql.Field, sign string, v traceql.Value) (tracestore.Condition, bool) {
	op, ok := operators[sign]
	if !ok || f.Parent {
		return tracestore.All{}, false
	}
	if v.Type == traceql.TypeArray {
		return elements(f, sign, v)
	}
	field, known := fieldOf(f)
	if !known {
		return tracestore.All{}, false
	}
	if v.Type == traceql.TypeNil {
		return presence(field, op)
	}
	value, ok := valueFor(f, op, v)
	if !ok {
		return never(), true
	}
	c := tracestore.Compare{Field: field, Op: op, Value: value}
	switch field.Kind {
	case tracestore.EventAttribute:
		if op.Negative() {
			return tracestore.Exists{Field: field}, false
		}
		return c, false
	case tracestore.LinkTrace, tracestore.LinkSpan:
		if op != attrcol.Equal {
			return tracestore.Exists{Field: field}, false
		}
		return identifier(c)
	case tracestore.IDOfTrace, tracestore.IDOfSpan, tracestore.IDOfParent:
		return identifier(c)
	}
	return c, true
}

func elements(f traceql.Field, sign string, v traceql.Value) (tracestore.Condition, bool) {
	if len(v.List) == 0 {
		return never(), true
	}
	var list []tracestore.Condition
	exact := true
	for _, e := range v.List {
		c, ok := leaf(f, sign, e)
		list, exact = append(list, c), exact && ok
	}
	if sign == "!=" || sign == "!~" {
		return tracestore.And(list), exact
	}
	return tracestore.Or(list), exact
}

func presence(field tracestore.Field, op attrcol.Op) (tracestore.Condition, bool) {
	exact := field.Kind != tracestore.EventAttribute
	switch {
	case op == attrcol.NotEqual:
		return tracestore.Exists{Field: field}, exact
	case op == attrcol.Equal && exact:
		return tracestore.Not{Of: tracestore.Exists{Field: field}}, true
	}
	return tracestore.All{}, false
}

// identifier is a comparison of bytes that the query has as hexadecimal text.
func identifier(c tracestore.Compare) (tracestore.Condition, bool) {
	size := 8
	if c.Field.Kind == tracestore.IDOfTrace || c.Field.Kind == tracestore.LinkTrace {
		size = 16
	}
	if c.Op != attrcol.Equal && c.Op != attrcol.NotEqual {
		return tracestore.All{}, false
	}
	raw, err := hex.DecodeString(c.Value.Str)
	if err != nil || len(raw) != size {
		if c.Op == attrcol.Equal {
			return never(), true
		}
		return tracestore.All{}, false
	}
	c.Value = attribute.BytesValue(string(raw))
	if c.Field.Kind == tracestore.IDOfParent {
		return tracestore.And{tracestore.Exists{Field: c.Field}, c}, true
	}
	return c, true
}

// fieldOf is a field as storage has it.
func fieldOf(f traceql.Field) (tracestore.Field, bool) {
	kind, ok := map[traceql.Intrinsic]tracestore.FieldKind{
		traceql.FieldName: tracestore.SpanName, traceql.FieldStatus: tracestore.SpanStatus, traceql.FieldStatusMessage: tracestore.SpanMessage,
		traceql.FieldKind: tracestore.SpanKind, traceql.FieldDuration: tracestore.SpanDuration, traceql.FieldTraceID: tracestore.IDOfTrace,
		traceql.FieldSpanID: tracestore.IDOfSpan, traceql.FieldParentID: tracestore.IDOfParent, traceql.FieldTraceDuration: tracestore.TraceDuration,
		traceql.FieldRootName: tracestore.RootName, traceql.FieldRootServiceName: tracestore.RootService, traceql.FieldEventName: tracestore.EventName,
		traceql.FieldLinkTraceID: tracestore.LinkTrace, traceql.FieldLinkSpanID: tracestore.LinkSpan,
		traceql.FieldInstrumentationName: tracestore.ScopeName, traceql.FieldInstrumentationVersion: tracestore.ScopeVersion,
	}[f.Intrinsic]
	if ok {
		return tracestore.Field{Kind: kind}, true
	}
	if f.Intrinsic != traceql.NoIntrinsic || f.Parent {
		return tracestore.Field{}, false
	}
	switch f.Scope {
	case traceql.ScopeSpan:
		return tracestore.Field{Kind: tracestore.SpanAttribute, Key: f.Name}, true
	case traceql.ScopeResource:
		if f.Name == "service.name" { // the column is the table's key
			return tracestore.Field{Kind: tracestore.ServiceName}, true
		}
		return tracestore.Field{Kind: tracestore.ResourceAttribute, Key: f.Name}, true
	case traceql.ScopeNone:
		return tracestore.Field{Kind: tracestore.AnyAttribute, Key: f.Name}, true
	case traceql.ScopeInstrumentation:
		return tracestore.Field{Kind: tracestore.ScopeAttribute, Key: f.Name}, true
	case traceql.ScopeEvent:
		return tracestore.Field{Kind: tracestore.EventAttribute, Key: f.Name}, true
	}
	return tracestore.Field{}, false
}

// valueFor is a value as storage compares it; not ok where the types never go
// together.
func valueFor(f traceql.Field, op attrcol.Op, v traceql.Value) (attribute.Value, bool) {
	typ := f.Type()
	if f.Intrinsic == traceql.NoIntrinsic && f.Scope == traceql.ScopeResource && f.Name == "service.name" {
		typ = traceql.TypeString
	}
	switch v.Type {
	case traceql.TypeString:
		text := v.Str
		if op == attrcol.Regexp || op == attrcol.NotRegexp {
			text = attrcol.Anchored(text)
		}
		return attribute.StringValue(text), typ == traceql.TypeString || typ == traceql.TypeUnknown
	case traceql.TypeInt, traceql.TypeDuration:
		return attribute.IntValue(v.Int), typ == traceql.TypeInt || typ == traceql.TypeFloat || typ == traceql.TypeDuration || typ == traceql.TypeUnknown
	case traceql.TypeFloat:
		return attribute.DoubleValue(v.Float), typ == traceql.TypeInt || typ == traceql.TypeFloat || typ == traceql.TypeDuration || typ == traceql.TypeUnknown
	case traceql.TypeBool:
		return attribute.BoolValue(v.Int != 0), typ == traceql.TypeUnknown
	}
	return attribute.IntValue(v.Int), typ == v.Type
}

// StoredField is a field as storage groups spans by it; not ok where it cannot.
func StoredField(f traceql.Field) (tracestore.Field, bool) {
	field, ok := fieldOf(f)
	return field, ok && field.Groupable()
}

// Grouped is a value that spans were grouped by.
func Grouped(g tracestore.GroupValue) traceql.Value { return groupValue(g) }
