package tracestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Parts are parts of spans that are read where they are needed: to open a column for a
// few traces costs more than to read what they have in it.
type Parts uint16

// The parts. Ids, name, service, start, duration and status code are always read.
const (
	Kinds     Parts = 1 << iota
	Messages        // of statuses
	Resources       // their attributes
	Scopes
	Attributes // all of them
	Events
	Links
	Details        // trace state, flags, and how much was dropped
	AllParts Parts = 1<<iota - 1
)

// Need says which parts of spans are read.
type Need struct {
	Parts Parts
	Keys  []string // attributes of these keys
	Types KeyTypes // of Keys, as far as it is known
}

func (n *Need) has(p Parts) bool { return n.Parts&p != 0 }

// spanReader is the columns of a Need and where each of them is scanned.
type spanReader struct {
	need    Need
	columns []chsql.Expr
	dest    []any

	// Of the row that is being scanned: what is scanned as it is, and the rest.
	span                    Span
	resource, scope         uint64
	traceID, spanID, parent string
	event                   struct {
		times       []int64
		names, text []string
		dropped     []uint32
	}
	link struct {
		traceID, spanID, state, text []string
		flags, dropped               []uint32
	}
	attributes attrcol.Row
	keys       []string // that are read one by one
	values     []chcol.Dynamic
}

// newSpanReader reads spans of some time, of which need.Types may know.
func newSpanReader(need Need, of extent) *spanReader {
	r := &spanReader{need: need}
	sp := &r.span
	r.column(chsql.Col("trace_id"), &r.traceID)
	r.column(chsql.Col("span_id"), &r.spanID)
	r.column(chsql.Col("parent_span_id"), &r.parent)
	r.column(chsql.Col("name"), &sp.Name)
	r.column(chsql.Col("service_name"), &sp.Service)
	r.column(nanos(chsql.Col("start_time")), &sp.Start)
	r.column(chsql.Col("duration"), &sp.Duration)
	r.column(chsql.Col("status_code"), &sp.StatusCode)
	if need.has(Kinds) {
		r.column(chsql.Col("kind"), &sp.Kind)
	}
	if need.has(Messages) {
		r.column(chsql.Col("status_message"), &sp.StatusMessage)
	}
	if need.has(Resources) {
		r.column(chsql.Col("resource_id"), &r.resource)
	}
	if need.has(Scopes) {
		r.column(chsql.Col("scope_id"), &r.scope)
	}
	if need.has(Details) {
		r.column(chsql.Col("trace_state"), &sp.TraceState)
		r.column(chsql.Col("flags"), &sp.Flags)
		r.column(chsql.Col("dropped_attributes_count"), &sp.DroppedAttributes)
		r.column(chsql.Col("dropped_events_count"), &sp.DroppedEvents)
		r.column(chsql.Col("dropped_links_count"), &sp.DroppedLinks)
	}
	if need.has(Events) {
		r.events()
	}
	if need.has(Links) {
		r.links()
	}
	r.attributesOf(of)
	return r
}

func nanos(e chsql.Expr) chsql.Expr { return chsql.Func("toUnixTimestamp64Nano", e) }

func (r *spanReader) column(e chsql.Expr, dest any) {
	r.columns, r.dest = append(r.columns, e), append(r.dest, dest)
}

func (r *spanReader) events() {
	r.column(chsql.Func("arrayMap", chsql.Lambda("x", nanos(chsql.Col("x"))), chsql.Col("event_time")), &r.event.times)
	r.column(chsql.Col("event_name"), &r.event.names)
	r.column(chsql.Col("event_attributes"), &r.event.text)
	if r.need.has(Details) {
		r.column(chsql.Col("event_dropped"), &r.event.dropped)
	}
}

func (r *spanReader) links() {
	r.column(chsql.Col("link_trace_id"), &r.link.traceID)
	r.column(chsql.Col("link_span_id"), &r.link.spanID)
	r.column(chsql.Col("link_attributes"), &r.link.text)
	if r.need.has(Details) {
		r.column(chsql.Col("link_trace_state"), &r.link.state)
		r.column(chsql.Col("link_flags"), &r.link.flags)
		r.column(chsql.Col("link_dropped"), &r.link.dropped)
	}
}

// attributesOf reads attributes key by key, unless one that cannot be a path makes all
// of them needed.
func (r *spanReader) attributesOf(of extent) {
	n, both := &r.need, attrcol.Columns()
	if slices.ContainsFunc(n.Keys, func(k string) bool { return !chsql.IsPath(k) }) {
		n.Parts |= Attributes
	}
	if n.has(Attributes) {
		r.column(both[0], r.attributes.Attributes())
		r.column(both[1], r.attributes.Other())
		return
	}
	r.keys = slices.Clone(n.Keys)
	slices.Sort(r.keys)
	r.keys = slices.Compact(r.keys)
	r.values = make([]chcol.Dynamic, len(r.keys))
	for i, key := range r.keys {
		r.column(chsql.Path("attributes", key), &r.values[i])
	}
	known := n.Types.covers(of.from, of.to)
	if slices.ContainsFunc(r.keys, func(k string) bool { return !known || n.Types.Of[k].May(attrcol.Other) }) {
		r.column(both[1], r.attributes.Other())
	}
}

// sel reads the spans that conditions hold for.
func (r *spanReader) sel(where []chsql.Expr, order []chsql.Order, limit int) chsql.Select {
	return chsql.Select{Columns: r.columns, From: chsql.Table(spans), Where: where, OrderBy: order, Limit: limit}
}

// read appends the spans that a statement of r.columns gives. Their resources and
// scopes have no more than their ids.
func (s *Store) read(ctx context.Context, r *spanReader, sel chsql.Select, op string, list *[]Span) (conn.Stats, error) {
	return s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Settings: attrcol.Settings(), Op: op}, func(from driver.Rows) error {
		r.attributes.Other() // forgets the last row's
		clear(r.values)
		if err := from.Scan(r.dest...); err != nil {
			return fmt.Errorf("spans: %w", err)
		}
		sp, err := r.scanned()
		if err != nil {
			return fmt.Errorf("spans: span %x: %w", r.spanID, err)
		}
		*list = append(*list, sp)
		return nil
	})
}

// scanned is the span of the scanned row.
func (r *spanReader) scanned() (sp Span, err error) {
	sp = r.span
	sp.Resource, sp.Scope = &resourcestore.Row{ID: r.resource}, &resourcestore.ScopeRow{ID: r.scope}
	copy(sp.TraceID[:], r.traceID)
	copy(sp.SpanID[:], r.spanID)
	copy(sp.Parent[:], r.parent)
	if len(r.keys) > 0 {
		sp.Attributes, err = r.attributes.Some(r.keys, r.values)
	} else if r.need.has(Attributes) {
		sp.Attributes, err = r.attributes.KeyValues()
	}
	if err != nil {
		return sp, err
	}
	if sp.Events, err = r.scannedEvents(); err != nil {
		return sp, err
	}
	sp.Links, err = r.scannedLinks()
	return sp, err
}

func (r *spanReader) scannedEvents() (list []Event, err error) {
	for i := range r.event.times {
		e := Event{Time: r.event.times[i], Name: strings.Clone(r.event.names[i])}
		if e.Attributes, err = attribute.ParseJSON(r.event.text[i]); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		if r.need.has(Details) {
			e.Dropped = r.event.dropped[i]
		}
		list = append(list, e)
	}
	return list, nil
}

func (r *spanReader) scannedLinks() (list []Link, err error) {
	for i := range r.link.traceID {
		var l Link
		copy(l.TraceID[:], r.link.traceID[i])
		copy(l.SpanID[:], r.link.spanID[i])
		if l.Attributes, err = attribute.ParseJSON(r.link.text[i]); err != nil {
			return nil, fmt.Errorf("link %d: %w", i, err)
		}
		if r.need.has(Details) {
			l.TraceState, l.Flags, l.Dropped = r.link.state[i], r.link.flags[i], r.link.dropped[i]
		}
		list = append(list, l)
	}
	return list, nil
}

// resolve gives spans the resources and scopes that
// were read of them. Those that are not stored stay empty but for the id and the service.
func (s *Store) resolve(ctx context.Context, t tenant.ID, need Need, list []Span) error {
	if len(list) == 0 || !need.has(Resources|Scopes) {
		return nil
	}
	refs := make([]resourcestore.Ref, len(list))
	from, to := list[0].Start, list[0].Start
	for i := range list {
		sp := &list[i]
		refs[i].Service = sp.Service
		if need.has(Resources) {
			refs[i].Resource = &sp.Resource
		}
		if need.has(Scopes) {
			refs[i].Scope = &sp.Scope
		}
		from, to = min(from, sp.Start), max(to, sp.Start)
	}
	return s.resources.Resolve(ctx, t, refs, time.Unix(0, from), time.Unix(0, to))
}
