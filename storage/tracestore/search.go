package tracestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Search says which traces are wanted: those with a span in [From, To) that
// Where holds for, and for each of Also a span near by that it holds for.
type Search struct {
	From, To int64 // Unix ns
	Where    Condition
	Also     []Condition
	Limit    int
	Types    KeyTypes // of the keys that conditions are on, as far as it is known
}

// Candidate is a trace that a search found.
type Candidate struct {
	TraceID [16]byte
	Start   int64 // of its newest span that Where holds for, Unix ns
}

// Candidates finds at most Limit traces, the newest first.
func (s *Store) Candidates(ctx context.Context, t tenant.ID, search Search) ([]Candidate, conn.Stats, error) {
	sel, err := candidateSelect(t, search)
	if err != nil {
		return nil, conn.Stats{}, err
	}
	var list []Candidate
	var id string
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "traces"}, func(rows driver.Rows) error {
		var c Candidate
		if err := rows.Scan(&id, &c.Start); err != nil {
			return err
		}
		copy(c.TraceID[:], id)
		list = append(list, c)
		return nil
	})
	return list, stats, err
}

func candidateSelect(t tenant.ID, search Search) (chsql.Select, error) {
	q := &conditions{tenant: t, from: search.From, to: search.To}
	if w := q.wide(); search.Types.covers(w.from, w.to) {
		q.types = search.Types.Of
	}
	where, err := q.where(search.Where)
	if err != nil {
		return chsql.Select{}, err
	}
	id := chsql.Col("trace_id")
	for _, c := range search.Also {
		also, err := q.wide().where(c)
		if err != nil {
			return chsql.Select{}, err
		}
		where = append(where, chsql.InSelect(id, chsql.Select{Columns: []chsql.Expr{id}, From: chsql.Table(spans), Where: also}))
	}
	newest := chsql.Col("newest")
	return chsql.Select{
		Columns: []chsql.Expr{id, chsql.Func("toUnixTimestamp64Nano", chsql.Func("max", chsql.Col("start_time"))).As("newest")},
		From:    chsql.Table(spans), Where: where,
		GroupBy: []chsql.Expr{id},
		OrderBy: []chsql.Order{chsql.Desc(newest), chsql.Asc(id)},
		Limit:   search.Limit,
	}, nil
}

// Need says which parts of spans are read beside the plain columns.
type Need struct {
	Keys          []string // attributes of these keys only
	AllAttributes bool
	Events, Links bool
	Types         KeyTypes // of Keys, as far as it is known
}

// SpansOf reads the spans of some traces, ordered by trace and start, at most
// limit of them; truncated tells that there are more.
func (s *Store) SpansOf(ctx context.Context, t tenant.ID, ids [][16]byte, need Need, limit int) (list []Span, truncated bool, stats conn.Stats, err error) {
	if len(ids) == 0 {
		return nil, false, stats, nil
	}
	known, stats, err := s.extents(ctx, t, ids, "traces")
	if errors.Is(err, ErrNotFound) {
		return nil, false, stats, nil
	}
	if err != nil {
		return nil, false, stats, err
	}
	keys := need.plain()
	others := need.others(keys, around(known))
	sel := partSelect(places(ofTraces(t, ids), known), need, keys, others, limit+1)
	more, err := s.readParts(ctx, sel, need, keys, others, &list)
	stats.Add(more)
	if err != nil {
		return nil, false, stats, err
	}
	if len(list) > limit {
		list, truncated = list[:limit], true
	}
	if len(list) > 0 {
		err = s.resolve(ctx, t, list)
	}
	return list, truncated, stats, err
}

// plain are the keys that are read one by one. One that cannot be a path makes
// all attributes needed.
func (n *Need) plain() []string {
	if slices.ContainsFunc(n.Keys, func(k string) bool { return !chsql.IsPath(k) }) {
		n.AllAttributes = true
	}
	if n.AllAttributes {
		return nil
	}
	keys := slices.Clone(n.Keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// others is whether values of the keys may be in attributes_other.
func (n *Need) others(keys []string, of extent) bool {
	if !n.Types.covers(of.from, of.to) {
		return len(keys) > 0
	}
	return slices.ContainsFunc(keys, func(k string) bool { return n.Types.Of[k].May(attrcol.Other) })
}

func partSelect(where []chsql.Expr, need Need, keys []string, others bool, limit int) chsql.Select {
	nanos := func(e chsql.Expr) chsql.Expr { return chsql.Func("toUnixTimestamp64Nano", e) }
	columns := []chsql.Expr{
		chsql.Col("trace_id"), chsql.Col("span_id"), chsql.Col("parent_span_id"), chsql.Col("name"), chsql.Col("service_name"), chsql.Col("kind"),
		nanos(chsql.Col("start_time")), chsql.Col("duration"), chsql.Col("status_code"), chsql.Col("status_message"), chsql.Col("resource_id"), chsql.Col("scope_id"),
	}
	if need.Events {
		columns = append(columns, chsql.Func("arrayMap", chsql.Lambda("x", nanos(chsql.Col("x"))), chsql.Col("event_time")), chsql.Col("event_name"), chsql.Col("event_attributes"))
	}
	if need.Links {
		columns = append(columns, chsql.Col("link_trace_id"), chsql.Col("link_span_id"), chsql.Col("link_attributes"))
	}
	if need.AllAttributes {
		columns = append(columns, attrcol.Columns()...)
	}
	for _, key := range keys {
		columns = append(columns, chsql.Path("attributes", key))
	}
	if others {
		columns = append(columns, chsql.Col("attributes_other"))
	}
	return chsql.Select{
		Columns: columns, From: chsql.Table(spans), Where: where,
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("trace_id")), chsql.Asc(chsql.Col("start_time")), chsql.Asc(chsql.Col("span_id"))},
		Limit:   limit,
	}
}

func (s *Store) readParts(ctx context.Context, sel chsql.Select, need Need, keys []string, others bool, list *[]Span) (conn.Stats, error) {
	var r row
	values := make([]chcol.Dynamic, len(keys))
	return s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Settings: attrcol.Settings(), Op: "traces"}, func(from driver.Rows) error {
		sp := Span{Resource: &resourcestore.Row{}, Scope: &resourcestore.ScopeRow{}}
		r.event.dropped, r.link.dropped = nil, nil
		dest := []any{&r.traceID, &r.spanID, &r.parent, &sp.Name, &sp.Service, &sp.Kind, &sp.Start, &sp.Duration, &sp.StatusCode, &sp.StatusMessage, &sp.Resource.ID, &sp.Scope.ID}
		if need.Events {
			dest = append(dest, &r.event.times, &r.event.names, &r.event.text)
		}
		if need.Links {
			dest = append(dest, &r.link.traceID, &r.link.spanID, &r.link.text)
		}
		if need.AllAttributes {
			dest = append(dest, r.attributes.Attributes(), r.attributes.Other())
		}
		for i := range values {
			values[i] = chcol.Dynamic{}
			dest = append(dest, &values[i])
		}
		if others {
			dest = append(dest, r.attributes.Other())
		}
		err := from.Scan(dest...)
		if err != nil {
			return fmt.Errorf("spans: %w", err)
		}
		if len(keys) > 0 {
			if sp.Attributes, err = r.attributes.Some(keys, values); err != nil {
				return fmt.Errorf("spans: span %x: %w", r.spanID, err)
			}
		}
		if err := r.fillPart(&sp, need.AllAttributes); err != nil {
			return fmt.Errorf("spans: span %x: %w", r.spanID, err)
		}
		*list = append(*list, sp)
		return nil
	})
}

// fillPart is fill for what Need asks for.
func (r *row) fillPart(sp *Span, attributes bool) (err error) {
	copy(sp.TraceID[:], r.traceID)
	copy(sp.SpanID[:], r.spanID)
	copy(sp.Parent[:], r.parent)
	if attributes {
		if sp.Attributes, err = r.attributes.KeyValues(); err != nil {
			return err
		}
	}
	for i := range r.event.times {
		e := Event{Time: r.event.times[i], Name: strings.Clone(r.event.names[i])}
		if e.Attributes, err = attribute.ParseJSON(r.event.text[i]); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		sp.Events = append(sp.Events, e)
	}
	for i := range r.link.traceID {
		l := Link{}
		copy(l.TraceID[:], r.link.traceID[i])
		copy(l.SpanID[:], r.link.spanID[i])
		if l.Attributes, err = attribute.ParseJSON(r.link.text[i]); err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
		sp.Links = append(sp.Links, l)
	}
	return nil
}
