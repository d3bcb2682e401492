package tracestore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Population is a set of spans whose attributes are counted: those of [From, To)
// that Where holds for, at most Sample of them (0 for all).
type Population struct {
	From, To int64 // Unix ns
	Where    Condition
	Sample   int
	// Step, if not 0, counts by steps of so many ns from From; else all are of
	// step 0.
	Step  int64
	Types KeyTypes // of the keys in Where, as far as it is known
}

// AttributeCount is how many spans of a step have a value.
type AttributeCount struct {
	Step  int64
	Field Field  // SpanAttribute, SpanName, SpanKind, SpanStatus or SpanMessage
	Text  string // the value; numbers for kind and status
	Spans uint64
}

// ResourceCount is how many spans of a step a resource has.
type ResourceCount struct {
	Step     int64
	Resource uint64
	Service  string
	Spans    uint64
}

// CountAttributes counts the values of every attribute of a population's spans,
// the most frequent limit ones of all. Bytes, arrays and maps are not counted.
func (s *Store) CountAttributes(ctx context.Context, t tenant.ID, p Population, limit int) (list []AttributeCount, stats conn.Stats, err error) {
	inner, err := populationSelect(t, p, chsql.Func("arrayJoin", attributePairs()).As("pair"))
	if err != nil {
		return nil, stats, err
	}
	part := func(i int64) chsql.Expr { return chsql.Func("tupleElement", chsql.Col("pair"), chsql.Int(i)) }
	n := chsql.Col("n")
	sel := chsql.Select{
		Columns: []chsql.Expr{chsql.Col("step"), part(1).As("typ"), part(2).As("attr"), part(3).As("val"), chsql.Func("count").As("n")},
		From:    chsql.Sub(inner),
		GroupBy: []chsql.Expr{chsql.Col("step"), chsql.Col("typ"), chsql.Col("attr"), chsql.Col("val")},
		OrderBy: []chsql.Order{chsql.Desc(n), chsql.Asc(chsql.Col("attr")), chsql.Asc(chsql.Col("val"))},
		Limit:   limit,
	}
	stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "spans"}, func(rows driver.Rows) error {
		var c AttributeCount
		var typ string
		if err := rows.Scan(&c.Step, &typ, &c.Field.Key, &c.Text, &c.Spans); err != nil {
			return err
		}
		switch typ {
		case "name":
			c.Field.Kind = SpanName
		case "kind":
			c.Field.Kind = SpanKind
		case "status":
			c.Field.Kind = SpanStatus
		case "message":
			c.Field.Kind = SpanMessage
		default:
			c.Field.Kind = SpanAttribute
		}
		list = append(list, c)
		return nil
	})
	return list, stats, err
}

// attributePairs is an array of (what, key, value) of a row: its attributes and
// its plain columns.
func attributePairs() chsql.Expr {
	triple := func(what string, key, value chsql.Expr) chsql.Expr {
		return chsql.Func("tuple", chsql.String(what), key, value)
	}
	keys, values := chsql.Func("JSONAllPaths", chsql.Col("attributes")), chsql.Func("JSONAllValues", chsql.Col("attributes"))
	own := chsql.Func("arrayMap", chsql.Lambda2("k", "w", triple("attribute", chsql.Col("k"), chsql.Func("toString", chsql.Col("w")))), keys, values)
	empty := chsql.String("")
	plain := chsql.Func("array",
		triple("name", empty, chsql.Func("toString", chsql.Col("name"))),
		triple("kind", empty, chsql.Func("toString", chsql.Col("kind"))),
		triple("status", empty, chsql.Func("toString", chsql.Col("status_code"))),
		triple("message", empty, chsql.Col("status_message")))
	return chsql.Func("arrayConcat", own, plain)
}

func populationSelect(t tenant.ID, p Population, columns ...chsql.Expr) (chsql.Select, error) {
	q := knowing(t, p.From, p.To, p.Types)
	where, err := q.where(p.Where)
	if err != nil {
		return chsql.Select{}, err
	}
	step := chsql.Func("toInt64", chsql.Int(0))
	if p.Step > 0 {
		step = chsql.Func("intDiv", chsql.Func("minus", chsql.Func("toUnixTimestamp64Nano", chsql.Col("start_time")), chsql.Int(p.From)), chsql.Int(p.Step))
	}
	source := chsql.Table(spans)
	if p.Sample > 0 {
		source = chsql.Sub(chsql.Select{
			Columns: append([]chsql.Expr{
				chsql.Col("start_time"), chsql.Col("name"), chsql.Col("kind"), chsql.Col("status_code"), chsql.Col("status_message"),
				chsql.Col("resource_id"), chsql.Col("service_name"),
			}, attrcol.Columns()...),
			From: source, Where: where, Limit: p.Sample,
		})
		where = nil
	}
	return chsql.Select{Columns: append([]chsql.Expr{step.As("step")}, columns...), From: source, Where: where}, nil
}

// CountResources counts a population's spans by resource.
func (s *Store) CountResources(ctx context.Context, t tenant.ID, p Population, limit int) (list []ResourceCount, stats conn.Stats, err error) {
	inner, err := populationSelect(t, p, chsql.Col("resource_id"), chsql.Col("service_name"))
	if err != nil {
		return nil, stats, err
	}
	n := chsql.Col("n")
	sel := chsql.Select{
		Columns: []chsql.Expr{chsql.Col("step"), chsql.Col("resource_id"), chsql.Func("toString", chsql.Func("any", chsql.Col("service_name"))), chsql.Func("count").As("n")},
		From:    chsql.Sub(inner),
		GroupBy: []chsql.Expr{chsql.Col("step"), chsql.Col("resource_id")},
		OrderBy: []chsql.Order{chsql.Desc(n), chsql.Asc(chsql.Col("resource_id"))},
		Limit:   limit,
	}
	stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "spans"}, func(rows driver.Rows) error {
		var c ResourceCount
		if err := rows.Scan(&c.Step, &c.Resource, &c.Service, &c.Spans); err != nil {
			return err
		}
		list = append(list, c)
		return nil
	})
	return list, stats, err
}
