package tracestore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// RED asks for rate, errors and duration of what services were asked to do: of
// their spans of kind server and consumer.
type RED struct {
	From, To int64 // Unix ns, [From, To)
	Step     int64 // ns; 0 for one step
	Services []string
	// ByName makes a row of each operation.
	ByName bool
	Where  Condition // nil for no more condition
	Limit  int
}

// REDRow is one step of a service or operation.
type REDRow struct {
	Service, Name    string
	Step             int64 // from 0
	Requests, Errors uint64
	// Sum and the quantiles are of durations, in ns.
	Sum, P50, P90, P99 float64
	// Buckets counts durations by the power of two (ns) they are not above;
	// Powers are those powers, rising.
	Powers  []int64
	Buckets []uint64
	Slowest Example // and, where there are errors, Failed is one of them
	Failed  Example
}

// serverKinds are the OTLP numbers of server and consumer.
func serverKinds() chsql.Expr { return chsql.In(chsql.Col("kind"), chsql.Int(2), chsql.Int(5)) }

// RED reads the rows of services, by service, operation and step.
func (s *Store) RED(ctx context.Context, t tenant.ID, r RED) (list []REDRow, stats conn.Stats, err error) {
	sel, err := redSelect(t, r)
	if err != nil {
		return nil, stats, err
	}
	stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "red"}, func(rows driver.Rows) error {
		var row REDRow
		var q []float64
		var slow, slowSpan, failed, failedSpan string
		if err := rows.Scan(&row.Service, &row.Name, &row.Step, &row.Requests, &row.Errors, &row.Sum, &q, &row.Powers, &row.Buckets,
			&slow, &slowSpan, &row.Slowest.Start, &row.Slowest.Value, &failed, &failedSpan, &row.Failed.Start); err != nil {
			return err
		}
		row.P50, row.P90, row.P99 = q[0], q[1], q[2]
		copy(row.Slowest.TraceID[:], slow)
		copy(row.Slowest.SpanID[:], slowSpan)
		if row.Errors > 0 {
			copy(row.Failed.TraceID[:], failed)
			copy(row.Failed.SpanID[:], failedSpan)
		} else {
			row.Failed = Example{}
		}
		list = append(list, row)
		return nil
	})
	return list, stats, err
}

func redSelect(t tenant.ID, r RED) (chsql.Select, error) {
	q := &conditions{tenant: t, from: r.From, to: r.To}
	cond := r.Where
	if cond == nil {
		cond = All{}
	}
	where, err := q.where(cond)
	if err != nil {
		return chsql.Select{}, err
	}
	service, name, start, duration := chsql.Col("service_name"), chsql.Col("name"), chsql.Col("start_time"), chsql.Col("duration")
	if len(r.Services) > 0 {
		where = append(where, chsql.InStrings(service, r.Services))
	}
	where = append(where, serverKinds())
	step := chsql.Func("toInt64", chsql.Int(0))
	if r.Step > 0 {
		step = chsql.Func("intDiv", chsql.Func("minus", chsql.Func("toUnixTimestamp64Nano", start), chsql.Int(r.From)), chsql.Int(r.Step))
	}
	operation := chsql.String("")
	if r.ByName {
		operation = chsql.Func("toString", name)
	}
	failed := chsql.Eq(chsql.Col("status_code"), chsql.Int(2))
	power := chsql.Func("toInt64", chsql.Func("ceil", chsql.Func("log2", chsql.Func("greatest", duration, chsql.Int(1)))))
	histogram := chsql.Func("sumMap", chsql.Func("array", power), chsql.Func("array", chsql.Func("toUInt64", chsql.Int(1))))
	part := func(i int64) chsql.Expr { return chsql.Func("tupleElement", histogram, chsql.Int(i)) }
	slow := func(e chsql.Expr) chsql.Expr { return chsql.Func("argMax", e, duration) }
	bad := func(e chsql.Expr) chsql.Expr { return chsql.Func("argMaxIf", e, start, failed) }
	toFloats := chsql.Func("arrayMap", chsql.Lambda("x", chsql.Func("toFloat64", chsql.Col("x"))),
		chsql.FuncWith("quantilesTDigest", []chsql.Expr{chsql.Float(0.5), chsql.Float(0.9), chsql.Float(0.99)}, duration))
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Func("toString", service).As("service"), operation.As("operation"), step.As("step"), chsql.Func("count"), chsql.Func("countIf", failed),
			chsql.Func("toFloat64", chsql.Func("sum", duration)), toFloats, part(1), part(2),
			slow(chsql.Col("trace_id")), slow(chsql.Col("span_id")), nanos(slow(start)), chsql.Func("toFloat64", chsql.Func("max", duration)),
			bad(chsql.Col("trace_id")), bad(chsql.Col("span_id")), nanos(bad(start)),
		},
		From: chsql.Table(spans), Where: where,
		GroupBy: []chsql.Expr{chsql.Col("service"), chsql.Col("operation"), chsql.Col("step")},
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("service")), chsql.Asc(chsql.Col("operation")), chsql.Asc(chsql.Col("step"))},
		Limit:   r.Limit,
	}, nil
}

// Edge is calls of one service by another.
type Edge struct {
	Client, Server   string
	Requests, Errors uint64
	P50, P99         float64 // ns, as the server has it
}

// Graph finds which services called which in [from, to): spans of a service
// whose parent is a span of another.
func (s *Store) Graph(ctx context.Context, t tenant.ID, from, to int64, limit int) (list []Edge, stats conn.Stats, err error) {
	stats, err = s.db.Select(ctx, conn.Query{SQL: graphSelect(t, from, to, limit).SQL(), Op: "graph"}, func(rows driver.Rows) error {
		var e Edge
		var q []float64
		if err := rows.Scan(&e.Client, &e.Server, &e.Requests, &e.Errors, &q); err != nil {
			return err
		}
		e.P50, e.P99 = q[0], q[1]
		list = append(list, e)
		return nil
	})
	return list, stats, err
}

// calls are spans whose parent is a span of another process, as what was called has
// them, with the service that called.
func calls(q *conditions) chsql.Source {
	id := chsql.Col("trace_id")
	called := chsql.Select{
		Columns: []chsql.Expr{id, chsql.Col("parent_span_id").As("span"), chsql.Func("toString", chsql.Col("service_name")).As("server"), chsql.Col("start_time"), chsql.Col("duration"), chsql.Col("status_code")},
		From:    chsql.Table(spans),
		Where:   append(q.inRange(), serverKinds(), chsql.Ne(chsql.Col("parent_span_id"), chsql.Bytes(make([]byte, 8)))),
	}
	w := *q // a caller began before what it called, but not long
	w.from = max(w.from, slack/12) - slack/12
	calling := chsql.Select{
		Columns: []chsql.Expr{id, chsql.Col("span_id").As("span"), chsql.Func("toString", chsql.Col("service_name")).As("client")},
		From:    chsql.Table(spans),
		Where:   append(w.inRange(), chsql.In(chsql.Col("kind"), chsql.Int(3), chsql.Int(4))),
	}
	return chsql.Join(calling, called, "trace_id", "span")
}

func graphSelect(t tenant.ID, from, to int64, limit int) chsql.Select {
	client, server := chsql.Col("client"), chsql.Col("server")
	n := chsql.Col("n")
	return chsql.Select{
		Columns: []chsql.Expr{client, server, chsql.Func("count").As("n"), chsql.Func("countIf", chsql.Eq(chsql.Col("status_code"), chsql.Int(2))),
			chsql.Func("arrayMap", chsql.Lambda("x", chsql.Func("toFloat64", chsql.Col("x"))), chsql.FuncWith("quantilesTDigest", []chsql.Expr{chsql.Float(0.5), chsql.Float(0.99)}, chsql.Col("duration")))},
		From:    calls(&conditions{tenant: t, from: from, to: to}),
		Where:   []chsql.Expr{chsql.Ne(client, server)},
		GroupBy: []chsql.Expr{client, server},
		OrderBy: []chsql.Order{chsql.Desc(n), chsql.Asc(client), chsql.Asc(server)},
		Limit:   limit,
	}
}

// Operation is a span name of a service, with its kind.
type Operation struct {
	Name string
	Kind uint8
}

// Operations lists what a service does, in [from, to).
func (s *Store) Operations(ctx context.Context, t tenant.ID, service string, from, to int64, limit int) (list []Operation, err error) {
	q := &conditions{tenant: t, from: from, to: to}
	name, kind := chsql.Col("name"), chsql.Col("kind")
	sel := chsql.Select{
		Distinct: true, Columns: []chsql.Expr{chsql.Func("toString", name).As("operation"), kind}, From: chsql.Table(spans),
		Where:   append(q.inRange(), chsql.Eq(chsql.Col("service_name"), chsql.String(service))),
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("operation")), chsql.Asc(kind)}, Limit: limit,
	}
	_, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "operations"}, func(rows driver.Rows) error {
		var o Operation
		if err := rows.Scan(&o.Name, &o.Kind); err != nil {
			return err
		}
		list = append(list, o)
		return nil
	})
	return list, err
}
