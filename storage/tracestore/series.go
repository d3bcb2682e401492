package tracestore

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Aggregation says what is made of spans: for each step and each group of
// values of By, how many spans there are and what their Value is.
type Aggregation struct {
	// Steps is the number of steps of Step nanoseconds; the first begins behind
	// From (Unix ns). A span belongs to the step in (From+i*Step, From+(i+1)*Step]
	// that its start is in.
	From, Step int64
	Steps      int
	Where      Condition
	By         []Field
	Value      *Field    // SpanDuration (ns) or an attribute of spans; nil for a count
	Quantiles  []float64 // of Value
	// Histogram also groups by the power of two that Value is not above.
	Histogram bool
	Limit     int      // rows
	Types     KeyTypes // of keys of spans, as far as it is known
}

// Aggregate is one step of one group.
type Aggregate struct {
	Step          int64 // from 0
	Group         []GroupValue
	Power         int64  // of two, with Histogram
	Spans, Values uint64 // spans, and those with a Value
	Sum, Min, Max float64
	Quantiles     []float64
	Example       Example
}

// Example is the span of an aggregate with the greatest Value or duration.
type Example struct {
	TraceID [16]byte
	SpanID  [8]byte
	Start   int64
	Value   float64
}

// Summable is whether a field can be the Value of an Aggregation.
func (f Field) Summable() bool { return f.Kind == SpanDuration || f.Kind == SpanAttribute }

// Aggregate reads an aggregation, at most Limit rows of it.
func (s *Store) Aggregate(ctx context.Context, t tenant.ID, a Aggregation) (rows []Aggregate, stats conn.Stats, err error) {
	sel, err := aggregateSelect(t, a)
	if err != nil {
		return nil, stats, err
	}
	stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "spans"}, func(from driver.Rows) error {
		var r Aggregate
		var types, texts []string
		var trace, span string
		if err := from.Scan(&r.Step, &types, &texts, &r.Power, &r.Spans, &r.Values, &r.Sum, &r.Min, &r.Max, &r.Quantiles, &trace, &span, &r.Example.Start, &r.Example.Value); err != nil {
			return fmt.Errorf("spans: %w", err)
		}
		for i := range types {
			r.Group = append(r.Group, GroupValue{types[i], texts[i]})
		}
		copy(r.Example.TraceID[:], trace)
		copy(r.Example.SpanID[:], span)
		rows = append(rows, r)
		return nil
	})
	return rows, stats, err
}

func aggregateSelect(t tenant.ID, a Aggregation) (chsql.Select, error) {
	q := knowing(t, a.From+1, a.From+int64(a.Steps)*a.Step+1, a.Types)
	where, err := q.where(a.Where)
	if err != nil {
		return chsql.Select{}, err
	}
	types, texts, err := q.groups(a.By)
	if err != nil {
		return chsql.Select{}, err
	}
	start := chsql.Col("start_time")
	since := chsql.Func("minus", chsql.Func("toUnixTimestamp64Nano", start), chsql.Int(a.From+1))
	v := chsql.Func("toFloat64", chsql.Col("duration"))
	if a.Value != nil && a.Value.Kind == SpanAttribute {
		v = attrcol.Number(a.Value.Key, q.types[a.Value.Key])
		where = append(where, chsql.IsNotNull(v))
		v = chsql.Func("assumeNotNull", v)
	}
	power := chsql.Func("toInt64", chsql.Int(0))
	if a.Histogram {
		power = chsql.Func("toInt64", chsql.Func("ceil", chsql.Func("log2", v)))
		where = append(where, chsql.Gt(v, chsql.Int(0)))
	}
	value := chsql.Col("v")
	quantiles := chsql.Func("CAST", chsql.Func("array"), chsql.String("Array(Float64)"))
	if len(a.Quantiles) > 0 {
		var levels []chsql.Expr
		for _, l := range a.Quantiles {
			levels = append(levels, chsql.Float(l))
		}
		quantiles = chsql.Func("arrayMap", chsql.Lambda("x", chsql.Func("toFloat64", chsql.Col("x"))), chsql.FuncWith("quantilesTDigest", levels, value))
	}
	example := func(c chsql.Expr) chsql.Expr { return chsql.Func("argMax", c, value) }
	inner := chsql.Select{
		Columns: []chsql.Expr{
			chsql.Func("intDiv", since, chsql.Int(a.Step)).As("step"), types.As("types"), texts.As("texts"), power.As("power"),
			v.As("v"), chsql.Col("trace_id"), chsql.Col("span_id"), start,
		},
		From: chsql.Table(spans), Where: where,
	}
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Func("toInt64", chsql.Col("step")), chsql.Col("types"), chsql.Col("texts"), chsql.Col("power"), chsql.Func("count"), chsql.Func("count", value),
			chsql.Func("sum", value), chsql.Func("min", value), chsql.Func("max", value), quantiles,
			example(chsql.Col("trace_id")), example(chsql.Col("span_id")), chsql.Func("toUnixTimestamp64Nano", example(start)), chsql.Func("max", value),
		},
		From:    chsql.Sub(inner),
		GroupBy: []chsql.Expr{chsql.Col("step"), chsql.Col("types"), chsql.Col("texts"), chsql.Col("power")},
		Limit:   a.Limit,
	}, nil
}

// ValueCount is a value of a field and the number of spans that have it.
type ValueCount struct {
	GroupValue
	Spans uint64
}

// maxScanned bounds the spans that Values looks at: where few match, it answers with
// what was found by then.
const maxScanned = 5_000_000

// Values counts the values that a field has in spans of [from, to) that where holds
// for: the limit most frequent ones of sample spans, out of maxScanned at most.
func (s *Store) Values(ctx context.Context, t tenant.ID, from, to int64, where Condition, f Field, sample, limit int) (list []ValueCount, stats conn.Stats, err error) {
	types, stats, err := s.KeyTypes(ctx, t, from, to, Keys(where, f))
	if err != nil {
		return nil, stats, err
	}
	sel, err := valuesSelect(knowing(t, from, to, types), where, f, sample, limit)
	if err != nil {
		return nil, stats, err
	}
	cost, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "attributes", Settings: map[string]any{"max_rows_to_read": maxScanned, "read_overflow_mode": "break"}}, func(rows driver.Rows) error {
		var v ValueCount
		if err := rows.Scan(&v.Type, &v.Text, &v.Spans); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	})
	stats.Add(cost)
	return list, stats, err
}

func valuesSelect(q *conditions, where Condition, f Field, sample, limit int) (chsql.Select, error) {
	cond, err := q.where(And{where, Exists{f}})
	if err != nil {
		return chsql.Select{}, err
	}
	typ, text, err := q.group(f)
	if err != nil {
		return chsql.Select{}, err
	}
	inner := chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toString", typ).As("typ"), chsql.Func("toString", text).As("val")}, From: chsql.Table(spans), Where: cond, Limit: sample,
	}
	n := chsql.Col("n")
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Col("typ"), chsql.Col("val"), chsql.Func("count").As("n")}, From: chsql.Sub(inner),
		GroupBy: []chsql.Expr{chsql.Col("typ"), chsql.Col("val")}, OrderBy: []chsql.Order{chsql.Desc(n), chsql.Asc(chsql.Col("val"))}, Limit: limit,
	}, nil
}
