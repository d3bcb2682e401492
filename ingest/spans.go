package ingest

import (
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// SpanIntake takes the spans of one request in.
type SpanIntake struct {
	intake
	batch *tracestore.Batch
}

// SpanIntake begins a request of spans.
func (p *Pipeline) SpanIntake(t tenant.ID) *SpanIntake {
	in := p.spanIntakes.get(t)
	in.begin()
	return in
}

func (p *Pipeline) newSpanIntake(t tenant.ID) *SpanIntake {
	in := &SpanIntake{intake: newIntake(p, Traces, t), batch: tracestore.NewBatch(t, p.cfg.RetentionDays)}
	in.batch.Vocabulary = p.vocabulary
	return in
}

// Add takes one span, or counts it as rejected. Its kind and status code are
// as SpanKind and StatusCode make them; what it points to is filled in.
func (in *SpanIntake) Add(s *tracestore.Record) {
	f := in.next()
	if f.reason == "" {
		f = in.take(s)
	}
	in.count(f)
}

// take checks one span and appends it.
func (in *SpanIntake) take(s *tracestore.Record) fault {
	if s.TraceID == [16]byte{} {
		return fault{reason: TraceIDZero, field: "traceId"}
	}
	if s.SpanID == [8]byte{} {
		return fault{reason: SpanIDZero, field: "spanId"}
	}
	if f := in.window.check(s.Start, "startTimeUnixNano"); f.reason != "" {
		return f
	}
	if s.End < 0 {
		return in.window.ahead("endTimeUnixNano")
	}
	if s.End == 0 {
		s.End = s.Start // not set: no duration
	}
	size, f := in.attributes(s.Attributes, "attributes")
	if f.reason != "" {
		return f
	}
	below, f := in.below(s)
	if f.reason != "" {
		return f
	}
	size += below + len(s.Name) + len(s.StatusMessage) + len(s.TraceState)
	if f := in.limits.record("span", size); f.reason != "" {
		return f
	}
	s.Attributes = in.sorter.Sort(s.Attributes)
	ref := in.refer(s.Start)
	s.Service, s.ResourceID, s.ScopeID = ref.service, ref.resourceID, ref.scopeID
	in.batch.Append(s)
	return fault{}
}

// below checks and sorts what is in events and links and returns its bytes.
func (in *SpanIntake) below(s *tracestore.Record) (size int, f fault) {
	for i := range s.Events {
		e := &s.Events[i]
		if e.Time < 0 {
			return 0, in.window.ahead("events.timeUnixNano")
		}
		n, f := in.hanging(&e.Attributes, "events.attributes")
		if f.reason != "" {
			return 0, f
		}
		size += n + len(e.Name)
	}
	for i := range s.Links {
		l := &s.Links[i]
		n, f := in.hanging(&l.Attributes, "links.attributes")
		if f.reason != "" {
			return 0, f
		}
		size += n + len(l.TraceState)
	}
	return size, fault{}
}

// hanging checks and sorts the attributes of something below a record.
func (in *intake) hanging(kvs *[]attribute.KeyValue, field string) (int, fault) {
	n, f := in.attributes(*kvs, field)
	if f.reason == "" {
		*kvs = in.sorter.Sort(*kvs)
	}
	return n, f
}

// SpanKind keeps the kinds OTLP defines, 0 to 5, and takes others as the
// nearest.
func SpanKind(n int32) uint8 { return uint8(max(0, min(n, 5))) }

// StatusCode keeps the codes OTLP defines, 0 to 2, and takes others as the
// nearest.
func StatusCode(n int32) uint8 { return uint8(max(0, min(n, 2))) }

// Build makes the columns into blocks.
func (in *SpanIntake) Build() (*Built, error) {
	defer in.Discard()
	out, err := in.built(in.batch, nil)
	if err == nil {
		out.stored = in.batch.Learned()
	}
	return out, err
}

// Discard gives the request up.
func (in *SpanIntake) Discard() { in.p.spanIntakes.put(in.tenant, in) }

// Rows is the number of spans in hand.
func (in *SpanIntake) Rows() int { return in.batch.Rows() }

// Reset forgets the request and keeps the buffers.
func (in *SpanIntake) Reset() {
	in.reset()
	in.batch.Reset()
}
