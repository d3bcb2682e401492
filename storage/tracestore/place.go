package tracestore

import (
	"context"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// extent is when the first span of a trace began and the last one ended, Unix ns.
type extent struct {
	trace    [16]byte
	from, to int64
}

// placesOf is where the spans of some traces are, as conditions on spans; the error
// is ErrNotFound where none of them is known.
func (s *Store) placesOf(ctx context.Context, t tenant.ID, ids [][16]byte, op string) ([]chsql.Expr, conn.Stats, error) {
	known, stats, err := s.extents(ctx, t, ids, op)
	if err != nil {
		return nil, stats, err
	}
	return places(ofTraces(t, ids), known), stats, nil
}

// extents is when some traces were; the error is ErrNotFound where none of them is
// known.
func (s *Store) extents(ctx context.Context, t tenant.ID, ids [][16]byte, op string) (known []extent, stats conn.Stats, err error) {
	var id string
	stats, err = s.db.Select(ctx, conn.Query{SQL: extentSelect(ofTraces(t, ids)).SQL(), Op: op}, func(rows driver.Rows) error {
		var e extent
		if err := rows.Scan(&id, &e.from, &e.to); err != nil {
			return err
		}
		copy(e.trace[:], id)
		known = append(known, e)
		return nil
	})
	if err != nil {
		return nil, stats, err
	}
	if len(known) == 0 {
		return nil, stats, ErrNotFound
	}
	return known, stats, nil
}

func ofTraces(t tenant.ID, ids [][16]byte) []chsql.Expr {
	set := make([]chsql.Expr, len(ids))
	for i := range ids {
		set[i] = chsql.HexString(ids[i][:])
	}
	return []chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))), chsql.In(chsql.Col("trace_id"), set...)}
}

func extentSelect(of []chsql.Expr) chsql.Select {
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Col("trace_id"), nanos(chsql.Func("min", chsql.Col("start_time"))), nanos(chsql.Func("max", chsql.Col("end_time")))},
		From:    chsql.Table(index), Where: of, GroupBy: []chsql.Expr{chsql.Col("trace_id")},
	}
}

// whenTrace holds for the spans of the time that a trace was, and for none if it is
// not known: spans are found by their time, and by their trace within a minute of it.
func whenTrace(t tenant.ID, id chsql.Expr) chsql.Expr {
	of := []chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))), chsql.Eq(chsql.Col("trace_id"), id)}
	bound := func(e chsql.Expr) chsql.Expr {
		return chsql.Scalar(chsql.Select{Columns: []chsql.Expr{e}, From: chsql.Table(index), Where: of})
	}
	start := chsql.Col("start_time")
	first, last := bound(chsql.Func("min", start)), bound(chsql.Func("max", chsql.Col("end_time")))
	return chsql.And(chsql.Ge(start, first), chsql.Le(start, last), chsql.Func("indexHint", chsql.And(
		chsql.Ge(minuteOf(start), minuteOf(first)), chsql.Le(minuteOf(start), minuteOf(last)), chsql.Eq(chsql.Col("trace_id"), id))))
}

// minuteOf is the first column of the spans' order behind the tenant.
func minuteOf(e chsql.Expr) chsql.Expr { return chsql.Func("toStartOfMinute", e) }

// minute and lastMinute, in ns, of what minuteOf tells apart: times from 1970 to 2106.
const (
	minute     = int64(time.Minute)
	lastMinute = int64(math.MaxUint32) * int64(time.Second)
)

// during are the conditions of a start in [from, to), Unix ns. The server does not
// see by itself which minutes that is, so it is told.
func during(from, to int64) []chsql.Expr {
	where, start := between(from, to), chsql.Col("start_time")
	if from < 0 || to > lastMinute {
		return where
	}
	return append(where, chsql.Func("indexHint", chsql.And(
		chsql.Ge(minuteOf(start), chsql.Seconds(from/minute*60)), chsql.Le(minuteOf(start), chsql.Seconds(to/minute*60)))))
}

// between is during without the minutes.
func between(from, to int64) []chsql.Expr {
	start := chsql.Col("start_time")
	return []chsql.Expr{chsql.Ge(start, chsql.Nanoseconds(from)), chsql.Lt(start, chsql.Nanoseconds(to))}
}

// mostPlaces bounds the pairs of minute and trace that a statement names.
const mostPlaces = 2000

// around is the time of all of some traces, at least one.
func around(known []extent) extent {
	whole := known[0]
	for _, e := range known {
		whole.from, whole.to = min(whole.from, e.from), max(whole.to, e.to)
	}
	return whole
}

// places are the conditions of traces and those on when they were. Spans are
// ordered by minute and then by trace, so the server finds each pair of both by
// its key. Long traces, and times that the minutes of a key do not tell apart, are
// left to the times of all and the traces.
func places(of []chsql.Expr, known []extent) []chsql.Expr {
	whole := around(known)
	var pairs []chsql.Expr
	exact := true
	for _, e := range known {
		begin, end := e.from/minute, e.to/minute
		if exact = exact && 0 <= e.from && e.to <= lastMinute && end-begin < int64(mostPlaces-len(pairs)); !exact {
			continue
		}
		for m := begin; m <= end; m++ {
			pairs = append(pairs, chsql.Tuple(chsql.Int(m*60), chsql.HexString(e.trace[:])))
		}
	}
	behind := min(whole.to, math.MaxInt64-1) + 1
	if !exact {
		return append(of, during(whole.from, behind)...)
	}
	key := chsql.Func("tuple", minuteOf(chsql.Col("start_time")), chsql.Col("trace_id"))
	// No span of the traces is at another time: times only tell which parts to open.
	return append(of, chsql.Func("indexHint", chsql.And(append(between(whole.from, behind), chsql.In(key, pairs...))...)))
}
