package ingest

import (
	"context"
	"math"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Traces takes a request of spans in and returns once they are durable. adm,
// which may be nil, is released as soon as the columns are built.
func (p *Pipeline) Traces(ctx context.Context, t tenant.ID, traces ptrace.Traces, adm *Admission) (Result, error) {
	if n := traces.SpanCount(); n > p.cfg.Limits.Records {
		return Result{}, p.tooMany(n)
	}
	w := &spanWalk{walk: *p.newWalk(t, Traces), batch: p.spanBatches.get(t)}
	for i, rs := range traces.ResourceSpans().All() {
		w.place.resource = i
		bad := w.enterResource(rs.Resource(), rs.SchemaUrl())
		for j, ss := range rs.ScopeSpans().All() {
			w.place.scope = j
			w.scopeSpans(ss, bad)
		}
	}
	return w.finish(ctx, adm, w.batch, func() { p.spanBatches.put(t, w.batch) })
}

// spanWalk is a walk over spans, with the slices a span fills.
type spanWalk struct {
	walk
	batch  *tracestore.Batch
	span   tracestore.Record
	events []tracestore.Event
	links  []tracestore.Link
}

func (w *spanWalk) scopeSpans(ss ptrace.ScopeSpans, bad fault) {
	if f := w.enterScope(ss.Scope(), ss.SchemaUrl()); bad.reason == "" {
		bad = f
	}
	if bad.reason != "" {
		w.result.reject(bad, ss.Spans().Len(), w.place, 0)
		return
	}
	for k, s := range ss.Spans().All() {
		if f := w.take(s); f.reason != "" {
			w.result.reject(f, 1, w.place, k)
			continue
		}
		w.result.Accepted++
	}
}

// take checks one span and appends it.
func (w *spanWalk) take(s ptrace.Span) fault {
	if s.TraceID().IsEmpty() {
		return fault{reason: TraceIDZero, field: "traceId"}
	}
	if s.SpanID().IsEmpty() {
		return fault{reason: SpanIDZero, field: "spanId"}
	}
	start, f := w.window.check(s.StartTimestamp(), "startTimeUnixNano")
	if f.reason != "" {
		return f
	}
	end := start // not set: no duration
	if s.EndTimestamp() != 0 {
		if s.EndTimestamp() > math.MaxInt64 {
			return fault{reason: TimeAhead, field: "endTimeUnixNano", got: math.MaxInt64, limit: w.window.newest}
		}
		end = int64(s.EndTimestamp())
	}
	kvs, size, f := w.limits.attributes(w.attrs[:0], s.Attributes(), "attributes")
	w.attrs = kvs
	if f.reason != "" {
		return f
	}
	below, f := w.below(s)
	if f.reason != "" {
		return f
	}
	size += below + len(s.Name()) + len(s.Status().Message()) + len(s.TraceState().AsRaw())
	if f := w.limits.record("span", size); f.reason != "" {
		return f
	}
	ref := w.refer(start)
	w.span = tracestore.Record{
		Name: s.Name(), Start: start, End: end, Kind: uint8(max(0, min(int32(s.Kind()), 5))),
		StatusCode: uint8(max(0, min(int32(s.Status().Code()), 2))), StatusMessage: s.Status().Message(),
		TraceID: s.TraceID(), SpanID: s.SpanID(), Parent: s.ParentSpanID(),
		TraceState: s.TraceState().AsRaw(), Flags: s.Flags(),
		Attributes: kvs, DroppedAttributes: s.DroppedAttributesCount(),
		DroppedEvents: s.DroppedEventsCount(), DroppedLinks: s.DroppedLinksCount(),
		Events: w.events, Links: w.links,
		Service: ref.service, ResourceID: ref.resourceID, ScopeID: ref.scopeID,
	}
	w.batch.Append(&w.span)
	return fault{}
}

// below fills events and links and returns their bytes. Their attributes are
// cut from one slice; when it moves as it grows, earlier cuts keep the old one.
func (w *spanWalk) below(s ptrace.Span) (size int, f fault) {
	w.events, w.links, w.extra = w.events[:0], w.links[:0], w.extra[:0]
	for _, e := range s.Events().All() {
		if e.Timestamp() > math.MaxInt64 {
			return 0, fault{reason: TimeAhead, field: "events.timeUnixNano", got: math.MaxInt64, limit: w.window.newest}
		}
		n, first := 0, len(w.extra)
		if w.extra, n, f = w.limits.attributes(w.extra, e.Attributes(), "events.attributes"); f.reason != "" {
			return 0, f
		}
		size += n + len(e.Name())
		w.events = append(w.events, tracestore.Event{
			Time: int64(e.Timestamp()), Name: e.Name(), Dropped: e.DroppedAttributesCount(),
			Attributes: w.extra[first:],
		})
	}
	for _, l := range s.Links().All() {
		n, first := 0, len(w.extra)
		if w.extra, n, f = w.limits.attributes(w.extra, l.Attributes(), "links.attributes"); f.reason != "" {
			return 0, f
		}
		size += n + len(l.TraceState().AsRaw())
		w.links = append(w.links, tracestore.Link{
			TraceID: l.TraceID(), SpanID: l.SpanID(), TraceState: l.TraceState().AsRaw(), Flags: l.Flags(),
			Dropped: l.DroppedAttributesCount(), Attributes: w.extra[first:],
		})
	}
	return size, fault{}
}
