package tracestore

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Listed asks for the values of a field that were written down (see Vocabulary):
// of SpanAttribute, EventAttribute, LinkAttribute, SpanName, SpanMessage or
// EventName.
type Listed struct {
	From, To int64 // Unix ns; whole hours are read
	Field    Field
	Services []string // any of them; none for all
	Limit    int
}

// place is where a field's values are listed; not ok where they are not.
func (f Field) place() (scope, key string, ok bool) {
	switch f.Kind {
	case SpanAttribute, AnyAttribute:
		return scopeSpan, f.Key, true
	case EventAttribute:
		return scopeEvent, f.Key, true
	case LinkAttribute:
		return scopeLink, f.Key, true
	case SpanName:
		return scopeIntrinsic, "name", true
	case SpanMessage:
		return scopeIntrinsic, "statusMessage", true
	case EventName:
		return scopeIntrinsic, "event:name", true
	}
	return "", "", false
}

// IsListed is whether a field's values are written down.
func (f Field) IsListed() bool {
	_, _, ok := f.place()
	return ok
}

// ListedValues lists values by text, at most Limit of them. It reads no spans.
func (s *Store) ListedValues(ctx context.Context, t tenant.ID, l Listed) (list []GroupValue, stats conn.Stats, err error) {
	scope, key, ok := l.Field.place()
	if !ok {
		return nil, stats, nil
	}
	stats, err = s.db.Select(ctx, conn.Query{SQL: listedSelect(t, scope, key, l).SQL(), Op: "span values"}, func(rows driver.Rows) error {
		var v GroupValue
		if err := rows.Scan(&v.Type, &v.Text); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	})
	return list, stats, err
}

func listedSelect(t tenant.ID, scope, key string, l Listed) chsql.Select {
	typ, value, hour := chsql.Col("type"), chsql.Col("value"), chsql.Col("hour")
	where := []chsql.Expr{
		chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
		chsql.Eq(chsql.Col("scope"), chsql.String(scope)), chsql.Eq(chsql.Col("key"), chsql.String(key)),
		chsql.Ge(hour, chsql.Seconds(l.From/nanosPerHour*3600)), chsql.Lt(hour, chsql.Seconds((l.To+nanosPerHour-1)/nanosPerHour*3600)),
		chsql.Ne(typ, chsql.String("")),
	}
	if len(l.Services) > 0 {
		where = append(where, chsql.InStrings(chsql.Col("service_name"), l.Services))
	}
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toString", typ), value}, From: chsql.Table(TableValues), Where: where,
		GroupBy: []chsql.Expr{typ, value}, OrderBy: []chsql.Order{chsql.Asc(value), chsql.Asc(typ)}, Limit: l.Limit,
	}
}

// ListedKeys lists the keys of the attributes of a scope (span, event or link) on
// the days of [from, to]. It reads no spans.
func (s *Store) ListedKeys(ctx context.Context, t tenant.ID, scope string, from, to time.Time, limit int) (names Names, err error) {
	key := chsql.Col("key")
	limit = attrcol.Bound(limit)
	sel := chsql.Select{
		Distinct: true, Columns: []chsql.Expr{key}, From: chsql.Table("span_keys"),
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))), chsql.Eq(chsql.Col("scope"), chsql.String(scope)),
			chsql.Ge(chsql.Col("day"), chsql.Date(from)), chsql.Le(chsql.Col("day"), chsql.Date(to)),
		},
		OrderBy: []chsql.Order{chsql.Asc(key)}, Limit: limit + 1,
	}
	names.Stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "span keys"}, func(rows driver.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names.Values = append(names.Values, name)
		return nil
	})
	return attrcol.Merge(names, Names{}, limit), err
}

// Services lists the services that have spans in the hours of [from, to), sorted,
// at most limit of them. It reads no spans: every service lists their names.
func (s *Store) Services(ctx context.Context, t tenant.ID, from, to int64, limit int) (list []string, err error) {
	name := chsql.Col("service_name")
	sel := listedSelect(t, scopeIntrinsic, "name", Listed{From: from, To: to, Limit: limit})
	sel.Columns, sel.GroupBy, sel.OrderBy = []chsql.Expr{chsql.Func("toString", name).As("service")}, []chsql.Expr{name}, []chsql.Order{chsql.Asc(name)}
	_, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "span services"}, func(rows driver.Rows) error {
		var service string
		if err := rows.Scan(&service); err != nil {
			return err
		}
		list = append(list, service)
		return nil
	})
	return list, err
}
