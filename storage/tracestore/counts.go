package tracestore

import (
	"context"
	"math"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Counting asks how many spans began in each step of [From, To).
type Counting struct {
	From, To int64 // Unix ns
	Step     int64 // ns
	Limit    int   // of rows; one more is answered if there are more
}

// Durations are counted by the first bound they are not above, and those above
// the last one by themselves.
const (
	firstBound = 2e6 // ns
	Bounds     = 14  // each twice the one before
)

// Bound is a bound of durations in ns, i from 0 to Bounds-1.
func Bound(i int) float64 { return math.Ldexp(firstBound, i) }

// Count is of the spans of one step, which is numbered from 0.
type Count struct {
	Step          int64
	Spans, Errors uint64
	Sum           float64 // of durations, ns
	Buckets       [Bounds + 1]uint64
}

// CallCount counts calls of one service by another, as the server has them.
type CallCount struct {
	Client, Server string
	Count
}

// SpanCount counts spans of a service that have a name, kind and status.
type SpanCount struct {
	Service, Name string
	Kind, Status  uint8
	Count
}

// CountCalls counts what Graph finds, step by step.
func (s *Store) CountCalls(ctx context.Context, t tenant.ID, c Counting) (list []CallCount, stats conn.Stats, err error) {
	stats, err = s.db.Select(ctx, conn.Query{SQL: countCallsSelect(t, c).SQL(), Op: "count calls"}, func(rows driver.Rows) error {
		var r CallCount
		err := r.scan(rows, &r.Client, &r.Server)
		list = append(list, r)
		return err
	})
	return list, stats, err
}

// CountSpans counts all spans, step by step.
func (s *Store) CountSpans(ctx context.Context, t tenant.ID, c Counting) (list []SpanCount, stats conn.Stats, err error) {
	stats, err = s.db.Select(ctx, conn.Query{SQL: countSpansSelect(t, c).SQL(), Op: "count spans"}, func(rows driver.Rows) error {
		var r SpanCount
		err := r.scan(rows, &r.Service, &r.Name, &r.Kind, &r.Status)
		list = append(list, r)
		return err
	})
	return list, stats, err
}

// scan reads a row: what it is of, and its count.
func (c *Count) scan(rows driver.Rows, of ...any) error {
	var places []int64
	var counts []uint64
	if err := rows.Scan(append(of, &c.Step, &c.Spans, &c.Errors, &c.Sum, &places, &counts)...); err != nil {
		return err
	}
	for i, p := range places {
		c.Buckets[p] = counts[i]
	}
	return nil
}

// named is a column and its name.
type named struct{ value, name chsql.Expr }

func countCallsSelect(t tenant.ID, c Counting) chsql.Select {
	q := &conditions{tenant: t, from: c.From, to: c.To}
	client, server := chsql.Col("client"), chsql.Col("server")
	return c.sel(calls(q), []chsql.Expr{chsql.Ne(client, server)}, named{client, client}, named{server, server})
}

func countSpansSelect(t tenant.ID, c Counting) chsql.Select {
	q := &conditions{tenant: t, from: c.From, to: c.To}
	kind, status := chsql.Col("kind"), chsql.Col("status_code")
	return c.sel(chsql.Table(spans), q.inRange(),
		named{chsql.Func("toString", chsql.Col("service_name")).As("service"), chsql.Col("service")},
		named{chsql.Func("toString", chsql.Col("name")).As("operation"), chsql.Col("operation")},
		named{kind, kind}, named{status, status})
}

// sel counts the rows of a source by columns and by step.
func (c Counting) sel(from chsql.Source, where []chsql.Expr, by ...named) chsql.Select {
	duration := chsql.Col("duration")
	step := chsql.Func("intDiv", chsql.Func("minus", nanos(chsql.Col("start_time")), chsql.Int(c.From)), chsql.Int(c.Step))
	doublings := chsql.Func("ceil", chsql.Func("log2", chsql.Func("divide", chsql.Func("greatest", duration, chsql.Int(1)), chsql.Float(firstBound))))
	place := chsql.Func("toInt64", chsql.Func("least", chsql.Func("greatest", doublings, chsql.Int(0)), chsql.Int(Bounds)))
	histogram := chsql.Func("sumMap", chsql.Func("array", place), chsql.Func("array", chsql.Func("toUInt64", chsql.Int(1))))
	part := func(i int64) chsql.Expr { return chsql.Func("tupleElement", histogram, chsql.Int(i)) }
	sel := chsql.Select{From: from, Where: where, Limit: c.Limit + 1}
	for _, n := range append(by, named{step.As("step"), chsql.Col("step")}) {
		sel.Columns = append(sel.Columns, n.value)
		sel.GroupBy = append(sel.GroupBy, n.name)
		sel.OrderBy = append(sel.OrderBy, chsql.Asc(n.name))
	}
	sel.Columns = append(sel.Columns, chsql.Func("count"), chsql.Func("countIf", chsql.Eq(chsql.Col("status_code"), chsql.Int(2))),
		chsql.Func("toFloat64", chsql.Func("sum", duration)), part(1), part(2))
	return sel
}
