package tracestore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
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
	stats, err = s.read(ctx, spanSelect(page, limit+1), &res.Spans)
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
	return res, s.resolve(ctx, t, res.Spans)
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

func spanSelect(where []chsql.Expr, limit int) chsql.Select {
	nanos := func(e chsql.Expr) chsql.Expr { return chsql.Func("toUnixTimestamp64Nano", e) }
	return chsql.Select{
		Columns: append([]chsql.Expr{
			chsql.Col("trace_id"), chsql.Col("span_id"), chsql.Col("parent_span_id"), chsql.Col("trace_state"), chsql.Col("flags"),
			chsql.Col("name"), chsql.Col("service_name"), chsql.Col("kind"), nanos(chsql.Col("start_time")), chsql.Col("duration"),
			chsql.Col("status_code"), chsql.Col("status_message"),
			chsql.Col("dropped_attributes_count"), chsql.Col("dropped_events_count"), chsql.Col("dropped_links_count"),
			chsql.Func("arrayMap", chsql.Lambda("x", nanos(chsql.Col("x"))), chsql.Col("event_time")),
			chsql.Col("event_name"), chsql.Col("event_attributes"), chsql.Col("event_dropped"),
			chsql.Col("link_trace_id"), chsql.Col("link_span_id"), chsql.Col("link_trace_state"), chsql.Col("link_flags"),
			chsql.Col("link_attributes"), chsql.Col("link_dropped"),
			chsql.Col("resource_id"), chsql.Col("scope_id"),
		}, attrcol.Columns()...),
		From:    chsql.Table(spans),
		Where:   where,
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("start_time")), chsql.Asc(chsql.Col("span_id"))},
		Limit:   limit,
	}
}

// row receives what of a span is not scanned into it.
type row struct {
	traceID, spanID, parent string
	attributes              attrcol.Row
	event                   struct {
		times       []int64
		names, text []string
		dropped     []uint32
	}
	link struct {
		traceID, spanID, state, text []string
		flags, dropped               []uint32
	}
}

func (s *Store) read(ctx context.Context, sel chsql.Select, spans *[]Span) (conn.Stats, error) {
	var r row
	return s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Settings: attrcol.Settings(), Op: "trace"}, func(from driver.Rows) error {
		sp := Span{Resource: &resourcestore.Row{}, Scope: &resourcestore.ScopeRow{}}
		e, l := &r.event, &r.link
		err := from.Scan(&r.traceID, &r.spanID, &r.parent, &sp.TraceState, &sp.Flags,
			&sp.Name, &sp.Service, &sp.Kind, &sp.Start, &sp.Duration, &sp.StatusCode, &sp.StatusMessage,
			&sp.DroppedAttributes, &sp.DroppedEvents, &sp.DroppedLinks,
			&e.times, &e.names, &e.text, &e.dropped, &l.traceID, &l.spanID, &l.state, &l.flags, &l.text, &l.dropped,
			&sp.Resource.ID, &sp.Scope.ID, r.attributes.Attributes(), r.attributes.Other())
		if err != nil {
			return fmt.Errorf("spans: %w", err)
		}
		if err := r.fill(&sp); err != nil {
			return fmt.Errorf("spans: span %x: %w", r.spanID, err)
		}
		*spans = append(*spans, sp)
		return nil
	})
}

func (r *row) fill(sp *Span) (err error) {
	copy(sp.TraceID[:], r.traceID)
	copy(sp.SpanID[:], r.spanID)
	copy(sp.Parent[:], r.parent)
	if sp.Attributes, err = r.attributes.KeyValues(); err != nil {
		return err
	}
	for i := range r.event.times {
		e := Event{Time: r.event.times[i], Name: r.event.names[i], Dropped: r.event.dropped[i]}
		if e.Attributes, err = attribute.ParseJSON(r.event.text[i]); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		sp.Events = append(sp.Events, e)
	}
	for i := range r.link.traceID {
		l := Link{TraceState: r.link.state[i], Flags: r.link.flags[i], Dropped: r.link.dropped[i]}
		copy(l.TraceID[:], r.link.traceID[i])
		copy(l.SpanID[:], r.link.spanID[i])
		if l.Attributes, err = attribute.ParseJSON(r.link.text[i]); err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
		sp.Links = append(sp.Links, l)
	}
	return nil
}

// resolve gives the spans their resources and scopes. Those that are not
// stored stay empty but for the id and the service.
func (s *Store) resolve(ctx context.Context, t tenant.ID, spans []Span) error {
	refs := make([]resourcestore.Ref, len(spans))
	for i := range spans {
		sp := &spans[i]
		refs[i] = resourcestore.Ref{Service: sp.Service, Resource: &sp.Resource, Scope: &sp.Scope}
	}
	return s.resources.Resolve(ctx, t, refs, time.Unix(0, spans[0].Start), time.Unix(0, spans[len(spans)-1].Start))
}
