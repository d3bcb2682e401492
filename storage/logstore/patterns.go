package logstore

import (
	"context"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Text is the body of a record and whose it is.
type Text struct {
	Service  string
	Severity uint8 // OTLP number
	Body     string
}

// warning is the least OTLP severity of records that somebody should look at.
const warning = 13

// Texts gives text the bodies that are texts of at most limit records: of warnings
// and worse, then of others, the newest first.
func (s *Store) Texts(ctx context.Context, t tenant.ID, f Filter, limit int, text func(Text)) (conn.Stats, error) {
	sel, err := textsSelect(t, f, limit)
	if err != nil {
		return conn.Stats{}, err
	}
	return s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log texts"}, func(rows driver.Rows) error {
		var one Text
		if err := rows.Scan(&one.Service, &one.Severity, &one.Body); err != nil {
			return err
		}
		text(one)
		return nil
	})
}

func textsSelect(t tenant.ID, f Filter, limit int) (chsql.Select, error) {
	b := f.bind(t)
	where, err := f.inRange(b)
	severity := chsql.Col("severity_number")
	return b.finish(chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toString", chsql.Col("service_name")), severity, chsql.Col("body")}, From: chsql.Table(table),
		Where:   append(where, chsql.Not(structured())),
		OrderBy: []chsql.Order{chsql.Desc(chsql.Ge(severity, chsql.Uint(warning))), chsql.Desc(chsql.Col("time"))},
		Limit:   limit,
	}), err
}

// Shape is what some bodies have in common: texts, one behind the other.
type Shape []string

// ShapeCount is how many records of a service have a shape, before a time and since.
type ShapeCount struct{ Before, Since uint64 }

// CountShapes counts the records that have each of some shapes, by service, in the
// order of shapes.
func (s *Store) CountShapes(ctx context.Context, t tenant.ID, f Filter, split time.Time, shapes []Shape) (map[string][]ShapeCount, conn.Stats, error) {
	out := map[string][]ShapeCount{}
	if len(shapes) == 0 {
		return out, conn.Stats{}, nil
	}
	sel, err := shapesSelect(t, f, split, shapes)
	if err != nil {
		return nil, conn.Stats{}, err
	}
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log shapes"}, func(rows driver.Rows) error {
		var service string
		var before, since []uint64
		if err := rows.Scan(&service, &before, &since); err != nil {
			return err
		}
		counts := make([]ShapeCount, len(shapes))
		for i := range counts {
			counts[i] = ShapeCount{before[i], since[i]}
		}
		out[strings.Clone(service)] = counts
		return nil
	})
	return out, stats, err
}

func shapesSelect(t tenant.ID, f Filter, split time.Time, shapes []Shape) (chsql.Select, error) {
	b := f.bind(t)
	where, err := f.inRange(b)
	since := chsql.Ge(chsql.Col("time"), chsql.Nanoseconds(chsql.UnixNano(split)))
	var has []chsql.Expr
	for _, shape := range shapes {
		has = append(has, chsql.ContainsInOrder(chsql.Col("body"), shape...))
	}
	// One array of flags a row, so that a body is looked at once for both counts.
	flags := chsql.Func("CAST", chsql.Func("array", has...), chsql.String("Array(UInt64)"))
	count := func(when chsql.Expr) chsql.Expr { return chsql.Func("sumForEachIf", chsql.Col("has_shapes"), when) }
	inner := chsql.Select{Columns: []chsql.Expr{chsql.Col("service_name"), since.As("is_new"), flags.As("has_shapes")}, From: chsql.Table(table), Where: where}
	service := chsql.Col("service")
	sums := chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toString", chsql.Col("service_name")).As("service"), count(chsql.Not(chsql.Col("is_new"))).As("before"), count(chsql.Col("is_new")).As("since")},
		From:    chsql.Sub(inner), GroupBy: []chsql.Expr{service},
	}
	// Without a row of one kind the sum is an empty array.
	full := func(e chsql.Expr) chsql.Expr {
		return chsql.Func("arrayResize", e, chsql.Uint(uint64(len(shapes))), chsql.Func("toUInt64", chsql.Uint(0)))
	}
	return chsql.Select{Columns: []chsql.Expr{service, full(chsql.Col("before")), full(chsql.Col("since"))}, From: chsql.Sub(sums), OrderBy: []chsql.Order{chsql.Asc(service)}}, err
}
