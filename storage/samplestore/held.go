package samplestore

import (
	"context"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Held counts the samples and histogram points stored of a tenant, by the start of
// their hour, Unix ms, from the hour of from to that of to, Unix ms. Hours without
// any are left out. Samples that were sent twice count twice, so that whatever
// comes changes a count. It reads nothing but sizes.
func (s *Store) Held(ctx context.Context, t tenant.ID, from, to int64) (map[int64]uint64, error) {
	held := map[int64]uint64{}
	var at proto.ColUInt32
	var n proto.ColUInt64
	_, err := s.db.Columns(ctx, conn.Query{SQL: hoursHeldSelect(t, from, to).SQL(), Op: "held"}, proto.Results{
		{Name: "at", Data: &at}, {Name: "n", Data: &n},
	}, func() error {
		for i := range at {
			held[int64(at[i])*1000] = n[i]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

func hoursHeldSelect(t tenant.ID, from, to int64) chsql.Select {
	own, at, n := chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))), chsql.Col("at"), chsql.Col("n")
	first, last := int64(hourOf(from)), int64(hourOf(to))
	numbers := chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toUnixTimestamp", chsql.Col("hour")).As("at"), chsql.Col("ts.size0").As("n")},
		From:    chsql.Table(samples), Where: append([]chsql.Expr{own}, inHours(from, to)...),
	}
	time := chsql.Col("time")
	points := chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toUnixTimestamp", chsql.Func("toStartOfHour", time)).As("at"), chsql.Func("toUInt64", chsql.Uint(1)).As("n")},
		From:    chsql.Table(histograms),
		Where:   []chsql.Expr{own, chsql.Ge(time, chsql.Milliseconds(first*1000)), chsql.Lt(time, chsql.Milliseconds(last*1000+3_600_000))},
	}
	return chsql.Select{Columns: []chsql.Expr{at, chsql.Func("sum", n).As("n")}, From: chsql.Union(numbers, points), GroupBy: []chsql.Expr{at}}
}

// SampleSpan is the time of the first and last stored sample of the days of
// [from, to], in Unix milliseconds, and in how many rows the samples are.
func (s *Store) SampleSpan(ctx context.Context, t tenant.ID, from, to time.Time) (first, last int64, rows uint64, err error) {
	_, err = s.db.Select(ctx, conn.Query{SQL: spanSelect(t, from, to).SQL(), Op: "cardinality"}, func(r driver.Rows) error {
		return r.Scan(&first, &last, &rows)
	})
	return first, last, rows, err
}

func spanSelect(t tenant.ID, from, to time.Time) chsql.Select {
	hour := chsql.Col("hour")
	ms := func(hours chsql.Expr) chsql.Expr {
		return chsql.Func("multiply", chsql.Func("toInt64", chsql.Func("toUnixTimestamp", hours)), chsql.Int(1000))
	}
	return chsql.Select{
		Columns: []chsql.Expr{ms(chsql.Func("min", hour)), ms(chsql.Func("max", hour)), chsql.Func("count")},
		From:    chsql.Table(samples),
		Where: []chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
			chsql.Ge(chsql.Func("toDate", hour), chsql.Date(from)), chsql.Le(chsql.Func("toDate", hour), chsql.Date(to))},
	}
}
