package otlpdata

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Traces makes columns of a request of spans.
func Traces(p *ingest.Pipeline, t tenant.ID, traces ptrace.Traces) (*ingest.Built, error) {
	if err := fits(p, traces.SpanCount()); err != nil {
		return nil, err
	}
	in := p.SpanIntake(t)
	var w spanWalk
	for _, rs := range traces.ResourceSpans().All() {
		w.enterResource(in, rs.Resource(), rs.SchemaUrl())
		for _, ss := range rs.ScopeSpans().All() {
			w.enterScope(in, ss.Scope(), ss.SchemaUrl())
			for _, s := range ss.Spans().All() {
				w.fill(s)
				in.Add(&w.span)
			}
		}
	}
	return in.Build()
}

// spanWalk is a walk over spans, with the slices a span fills.
type spanWalk struct {
	walk
	span   tracestore.Record
	events []tracestore.Event
	links  []tracestore.Link
}

func (w *spanWalk) fill(s ptrace.Span) {
	w.attrs = appendAttributes(w.attrs[:0], s.Attributes())
	w.below(s)
	w.span = tracestore.Record{
		Name: s.Name(), Start: int64(s.StartTimestamp()), End: int64(s.EndTimestamp()), Kind: ingest.SpanKind(int32(s.Kind())),
		StatusCode: ingest.StatusCode(int32(s.Status().Code())), StatusMessage: s.Status().Message(),
		TraceID: s.TraceID(), SpanID: s.SpanID(), Parent: s.ParentSpanID(),
		TraceState: s.TraceState().AsRaw(), Flags: s.Flags(),
		Attributes: w.attrs, DroppedAttributes: s.DroppedAttributesCount(),
		DroppedEvents: s.DroppedEventsCount(), DroppedLinks: s.DroppedLinksCount(),
		Events: w.events, Links: w.links,
	}
}

// below fills events and links.
func (w *spanWalk) below(s ptrace.Span) {
	w.events, w.links, w.extra = w.events[:0], w.links[:0], w.extra[:0]
	for _, e := range s.Events().All() {
		w.events = append(w.events, tracestore.Event{
			Time: int64(e.Timestamp()), Name: e.Name(), Dropped: e.DroppedAttributesCount(), Attributes: w.hang(e.Attributes()),
		})
	}
	for _, l := range s.Links().All() {
		w.links = append(w.links, tracestore.Link{
			TraceID: l.TraceID(), SpanID: l.SpanID(), TraceState: l.TraceState().AsRaw(), Flags: l.Flags(),
			Dropped: l.DroppedAttributesCount(), Attributes: w.hang(l.Attributes()),
		})
	}
}
