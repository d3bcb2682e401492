package nativejson

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Scope is what made a record or a span.
type Scope struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Attributes json.RawMessage `json:"attributes"`
}

// SpanStatus is how a span ended.
type SpanStatus struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// SpanEvent is an event in a span.
type SpanEvent struct {
	Time       string          `json:"time"`
	Name       string          `json:"name"`
	Attributes json.RawMessage `json:"attributes"`
}

// SpanLink is a link of a span to another.
type SpanLink struct {
	TraceID    string          `json:"trace_id"`
	SpanID     string          `json:"span_id"`
	TraceState string          `json:"trace_state"`
	Attributes json.RawMessage `json:"attributes"`
}

// Span is a span as it was sent, and its place in the trace.
type Span struct {
	TraceID      string          `json:"trace_id,omitempty"` // where spans are of several traces
	SpanID       string          `json:"span_id"`
	ParentSpanID string          `json:"parent_span_id"`
	TraceState   string          `json:"trace_state"`
	Flags        uint32          `json:"flags"`
	Name         string          `json:"name"`
	Kind         string          `json:"kind"`
	Service      string          `json:"service"`
	Start        string          `json:"start"`
	DurationNS   uint64          `json:"duration_ns"`
	Status       SpanStatus      `json:"status"`
	Attributes   json.RawMessage `json:"attributes"`
	Resource     json.RawMessage `json:"resource"`
	Scope        Scope           `json:"scope"`
	Events       []SpanEvent     `json:"events"`
	Links        []SpanLink      `json:"links"`
	Depth        int             `json:"depth"`
	Children     []string        `json:"children"`
	Orphan       bool            `json:"orphan"`
}

// Trace is a trace or a page of it, its spans in the order of a tree.
type Trace struct {
	TraceID    string   `json:"trace_id"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	DurationNS int64    `json:"duration_ns"`
	Services   []string `json:"services"`
	SpanCount  int      `json:"span_count"`
	Truncated  bool     `json:"truncated"`
	Spans      []Span   `json:"spans"`
	// Where Spans are not all of the trace.
	NextCursor string         `json:"next_cursor,omitempty"`
	Summary    []ServiceShare `json:"summary,omitempty"`
}

// ServiceShare is what a service did in a trace.
type ServiceShare struct {
	Service string `json:"service"`
	Spans   uint64 `json:"spans"`
	Errors  uint64 `json:"errors"`
	Start   string `json:"start"`
	End     string `json:"end"`
	BusyNS  uint64 `json:"busy_ns"`
}

// kinds and codes are OTLP's numbers by name.
var (
	kinds = [...]string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}
	codes = [...]string{"UNSET", "OK", "ERROR"}
)

// named is the name of a number, the first for numbers OTLP does not have.
func named(names []string, number uint8) string {
	if int(number) < len(names) {
		return names[number]
	}
	return names[0]
}

// Trace makes a trace of stored spans.
func (r *Renderer) Trace(id [16]byte, t *correlate.Trace) *Trace {
	out := &Trace{
		TraceID:    hex.EncodeToString(id[:]),
		Start:      TimeText(t.Start),
		End:        TimeText(t.End),
		DurationNS: t.End - t.Start,
		Services:   t.Services,
		SpanCount:  t.Total,
		Truncated:  t.Truncated,
		Spans:      make([]Span, len(t.Places)),
	}
	if t.Truncated && len(t.Spans) > 0 {
		last := &t.Spans[len(t.Spans)-1]
		out.NextCursor = nativeparam.Cursor{Time: last.Start, ID: binary.BigEndian.Uint64(last.SpanID[:])}.String()
	}
	for _, s := range t.Summary {
		out.Summary = append(out.Summary, ServiceShare{s.Service, s.Spans, s.Errors, TimeText(s.Start), TimeText(s.End), s.Busy})
	}
	for i, p := range t.Places {
		s := r.Span(&t.Spans[p.Index])
		s.Depth, s.Orphan = p.Depth, p.Orphan
		for _, k := range p.Children {
			s.Children = append(s.Children, IDText(t.Spans[k].SpanID[:]))
		}
		out.Spans[i] = s
	}
	return out
}

// Span makes a span of a stored one, without its place.
func (r *Renderer) Span(s *tracestore.Span) Span {
	out := Span{
		SpanID:       IDText(s.SpanID[:]),
		ParentSpanID: IDText(s.Parent[:]),
		TraceState:   s.TraceState,
		Flags:        s.Flags,
		Name:         s.Name,
		Kind:         named(kinds[:], s.Kind),
		Service:      s.Service,
		Start:        TimeText(s.Start),
		DurationNS:   s.Duration,
		Status:       SpanStatus{Code: named(codes[:], s.StatusCode), Message: s.StatusMessage},
		Attributes:   attributesJSON(s.Attributes),
		Resource:     r.resource(s.Resource),
		Scope:        r.scope(s.Scope),
		Events:       make([]SpanEvent, len(s.Events)),
		Links:        make([]SpanLink, len(s.Links)),
		Children:     []string{},
	}
	for i, e := range s.Events {
		out.Events[i] = SpanEvent{Time: TimeText(e.Time), Name: e.Name, Attributes: attributesJSON(e.Attributes)}
	}
	for i, l := range s.Links {
		out.Links[i] = SpanLink{TraceID: IDText(l.TraceID[:]), SpanID: IDText(l.SpanID[:]), TraceState: l.TraceState, Attributes: attributesJSON(l.Attributes)}
	}
	return out
}
