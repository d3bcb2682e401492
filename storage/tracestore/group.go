package tracestore

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// GroupValue is a field's value as spans are grouped by it: its text and its
// type (String, Int64, Float64, Bool, Status, Kind, Duration; "other" for what
// is none of these; "" where the field is absent).
type GroupValue struct{ Type, Text string }

// Groupable is whether spans can be grouped by a field in the database.
func (f Field) Groupable() bool {
	switch f.Kind {
	case SpanName, ServiceName, SpanStatus, SpanKind, SpanMessage, SpanAttribute, ResourceAttribute, AnyAttribute, ScopeAttribute, ScopeName, ScopeVersion, IDOfTrace, IDOfSpan:
		return true
	}
	return false
}

// group is a field as two expressions: its type and its text.
func (q *conditions) group(f Field) (typ, text chsql.Expr, err error) {
	str := chsql.String("String")
	switch f.Kind {
	case SpanName:
		return str, chsql.Col("name"), nil
	case ServiceName:
		return str, chsql.Col("service_name"), nil
	case SpanMessage:
		return str, chsql.Col("status_message"), nil
	case SpanStatus:
		return chsql.String("Status"), chsql.Func("toString", chsql.Col("status_code")), nil
	case SpanKind:
		return chsql.String("Kind"), chsql.Func("toString", chsql.Col("kind")), nil
	case IDOfTrace:
		return str, chsql.Func("lower", chsql.Func("hex", chsql.Col("trace_id"))), nil
	case IDOfSpan:
		return str, chsql.Func("lower", chsql.Func("hex", chsql.Col("span_id"))), nil
	case SpanAttribute:
		typ, text = q.own(f.Key)
		return typ, text, nil
	case ResourceAttribute, AnyAttribute:
		typ, text = q.ofTable(false, attrcol.TypeName(f.Key, 0), attrcol.Text(f.Key))
		if f.Kind == AnyAttribute {
			has := q.present(f.Key)
			ownType, ownText := q.own(f.Key)
			typ, text = chsql.Func("if", has, ownType, typ), chsql.Func("if", has, ownText, text)
		}
		return typ, text, nil
	case ScopeAttribute:
		typ, text = q.ofTable(true, attrcol.TypeName(f.Key, 0), attrcol.Text(f.Key))
		return typ, text, nil
	case ScopeName:
		_, text = q.ofTable(true, str, chsql.Col("name"))
		return str, text, nil
	case ScopeVersion:
		_, text = q.ofTable(true, str, chsql.Col("version"))
		return str, text, nil
	}
	return typ, text, fmt.Errorf("tracestore: spans cannot be grouped by field %d", f.Kind)
}

// own is the type and the text of a span's own attribute.
func (q *conditions) own(key string) (typ, text chsql.Expr) {
	return attrcol.TypeName(key, q.types[key]), attrcol.TextOf(key, q.types[key])
}

// ofTable looks values up in the table of resources or scopes, in place of a
// join: there are few of them.
func (q *conditions) ofTable(scopes bool, typ, text chsql.Expr) (typed, texts chsql.Expr) {
	source, id := chsql.Table("resources"), chsql.Col("resource_id")
	if scopes {
		source, id = chsql.Table("scopes"), chsql.Col("scope_id")
	}
	from, to := q.times()
	rows := chsql.Select{
		Columns: []chsql.Expr{id.As("id"), typ.As("typ"), text.As("val")},
		From:    source,
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(q.tenant))),
			chsql.Ge(chsql.Col("day"), chsql.Date(from.AddDate(0, 0, -1))), chsql.Le(chsql.Col("day"), chsql.Date(to.AddDate(0, 0, 1))),
		},
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("id"))},
		LimitBy: []chsql.Expr{chsql.Col("id")},
	}
	list := func(e chsql.Expr, last chsql.Expr) chsql.Expr {
		return chsql.Func("arrayPushBack", chsql.Scalar(chsql.Select{Columns: []chsql.Expr{chsql.Func("groupArray", e)}, From: chsql.Sub(rows)}), last)
	}
	ids := list(chsql.Col("id"), chsql.Func("toUInt64", chsql.Int(0)))
	look := func(e chsql.Expr) chsql.Expr {
		return chsql.Func("transform", id, ids, list(chsql.Func("toString", e), chsql.String("")), chsql.String(""))
	}
	return look(chsql.Col("typ")), look(chsql.Col("val"))
}
