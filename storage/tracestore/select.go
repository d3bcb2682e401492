package tracestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tables as words of SQL.
const (
	spans = "spans"
	index = "trace_index"
)

// Trace reads the spans of a trace, at most limit of them (0 means
// DefaultLimit), the earliest first. A trace without a stored span is
// ErrNotFound.
//
// The table trace_index is ordered by trace and tells when the trace was: with its
// minutes, by which spans are ordered before their trace, it is one place to read.
func (s *Store) Trace(ctx context.Context, t tenant.ID, id [16]byte, limit int) (Result, error) {
	return s.TracePage(ctx, t, id, nil, limit)
}

// SpanCursor is a place between two spans of a trace: those of the page that ended
// with (Start, SpanID) are before it.
type SpanCursor struct {
	Start  int64 // Unix ns
	SpanID [8]byte
}

// TracePage is Trace from behind a place on; nil is the beginning. Result.Total
// counts the spans of the whole trace.
func (s *Store) TracePage(ctx context.Context, t tenant.ID, id [16]byte, after *SpanCursor, limit int) (Result, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 0 || limit > MaxLimit {
		return Result{}, &conn.Error{Class: conn.Limit, Op: "trace", Limit: "limit", Message: fmt.Sprintf("limit is %d, want 1 to %d", limit, MaxLimit)}
	}
	where, stats, err := s.placesOf(ctx, t, [][16]byte{id}, "trace")
	if err != nil {
		return Result{}, err
	}
	res := Result{Stats: stats}
	page := where
	if after != nil {
		start, last := chsql.Col("start_time"), chsql.Nanoseconds(after.Start)
		page = append(slices.Clone(where), chsql.Or(chsql.Gt(start, last), chsql.And(chsql.Eq(start, last), chsql.Gt(chsql.Col("span_id"), chsql.Bytes(after.SpanID[:])))))
	}
	r := traceReader()
	stats, err = s.read(ctx, r, r.sel(page, inOrder(), limit+1), "trace", &res.Spans)
	res.Stats.Add(stats)
	if err != nil {
		return Result{}, err
	}
	res.Total = len(res.Spans)
	if res.Total == 0 { // over its retention, but the index is not yet
		return Result{}, ErrNotFound
	}
	if res.Truncated = len(res.Spans) > limit; res.Truncated || after != nil {
		res.Spans = res.Spans[:min(limit, len(res.Spans))]
		var total uint64
		stats, err := s.db.Select(ctx, conn.Query{SQL: countSelect(where).SQL(), Op: "trace"}, func(rows driver.Rows) error { return rows.Scan(&total) })
		res.Stats.Add(stats)
		if err != nil {
			return Result{}, err
		}
		res.Total = int(total)
	}
	return res, s.resolve(ctx, t, r.need, res.Spans)
}

// ServiceShare is what a service has of a trace.
type ServiceShare struct {
	Service       string
	Spans, Errors uint64
	Start, End    int64  // Unix ns, of its first and last moment
	Busy          uint64 // ns, the durations of its spans added up
}

// TraceSummary adds a trace up by service, however many spans it has, the services
// with the most spans first.
func (s *Store) TraceSummary(ctx context.Context, t tenant.ID, id [16]byte) (list []ServiceShare, stats conn.Stats, err error) {
	where, stats, err := s.placesOf(ctx, t, [][16]byte{id}, "trace")
	if err != nil {
		return nil, stats, err
	}
	more, err := s.db.Select(ctx, conn.Query{SQL: summarySelect(where).SQL(), Op: "trace"}, func(rows driver.Rows) error {
		var r ServiceShare
		if err := rows.Scan(&r.Service, &r.Spans, &r.Errors, &r.Start, &r.End, &r.Busy); err != nil {
			return err
		}
		list = append(list, r)
		return nil
	})
	stats.Add(more)
	return list, stats, err
}

// maxShares bounds the services of a summary.
const maxShares = 1000

func summarySelect(where []chsql.Expr) chsql.Select {
	start, duration := chsql.Func("toUnixTimestamp64Nano", chsql.Col("start_time")), chsql.Col("duration")
	service, spans := chsql.Col("service"), chsql.Col("number")
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Func("toString", chsql.Col("service_name")).As("service"), chsql.Func("count").As("number"), chsql.Func("countIf", chsql.Eq(chsql.Col("status_code"), chsql.Int(2))),
			chsql.Func("min", start), chsql.Func("max", chsql.Func("plus", start, chsql.Func("toInt64", duration))), chsql.Func("sum", duration),
		},
		From: chsql.Table("spans"), Where: where,
		GroupBy: []chsql.Expr{service}, OrderBy: []chsql.Order{chsql.Desc(spans), chsql.Asc(service)}, Limit: maxShares,
	}
}

func countSelect(where []chsql.Expr) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Func("count")}, From: chsql.Table(spans), Where: where}
}

// traceReader reads all of spans.
func traceReader() *spanReader { return newSpanReader(Need{Parts: AllParts}, extent{}) }

// inOrder is how the spans of a trace are read, page by page.
func inOrder() []chsql.Order {
	return []chsql.Order{chsql.Asc(chsql.Col("start_time")), chsql.Asc(chsql.Col("span_id"))}
}
