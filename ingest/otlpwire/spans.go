package otlpwire

import (
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// spanReader reads spans.
type spanReader struct {
	reader
	in     *ingest.SpanIntake
	span   tracestore.Record
	attrs  list
	below  list // attributes of events and links, cut from one list
	events []tracestore.Event
	links  []tracestore.Link
}

func newSpanReader(maxRecords int) *spanReader {
	r := &spanReader{reader: newReader(&messages.traces, maxRecords), attrs: list{depth: 4}, below: list{depth: 5}}
	r.record = r.readSpan
	return r
}

func (r *spanReader) readSpan(b []byte) bool {
	r.attrs.reset()
	r.below.reset()
	r.events, r.links = r.events[:0], r.links[:0]
	s := &r.span
	*s = tracestore.Record{}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 || !r.spanField(s, tag, n, b[:end]) {
			return false
		}
		i = end
	}
	if !r.charge(1 + len(r.attrs.kvs) + len(r.below.kvs) + len(r.events) + len(r.links)) {
		return false
	}
	s.Attributes, s.Events, s.Links = r.attrs.kvs, r.events, r.links
	r.in.Add(s)
	return true
}

// spanField takes one field of a span; b ends with it.
func (r *spanReader) spanField(s *tracestore.Record, tag uint32, n uint64, b []byte) bool {
	var content []byte
	if tag&7 == wireLen {
		content = b[len(b)-int(n):]
	}
	switch tag {
	case 1<<3 | wireLen:
		return fixed(s.TraceID[:], content)
	case 2<<3 | wireLen:
		return fixed(s.SpanID[:], content)
	case 3<<3 | wireLen:
		s.TraceState = view(content)
	case 4<<3 | wireLen:
		return fixed(s.Parent[:], content)
	case 5<<3 | wireLen:
		s.Name = view(content)
	case 6<<3 | wireVarint:
		s.Kind = ingest.SpanKind(int32(n))
	case 7<<3 | wireFixed64:
		s.Start = int64(n)
	case 8<<3 | wireFixed64:
		s.End = int64(n)
	case 9<<3 | wireLen:
		return r.attrs.add(content)
	case 10<<3 | wireVarint:
		s.DroppedAttributes = uint32(n)
	case 11<<3 | wireLen:
		return r.readEvent(content)
	case 12<<3 | wireVarint:
		s.DroppedEvents = uint32(n)
	case 13<<3 | wireLen:
		return r.readLink(content)
	case 14<<3 | wireVarint:
		s.DroppedLinks = uint32(n)
	case 15<<3 | wireLen:
		return readStatus(s, content)
	case 16<<3 | wireFixed32:
		s.Flags = uint32(n)
	default:
		return messages.span.skips(tag)
	}
	return true
}

func readStatus(s *tracestore.Record, b []byte) bool {
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 2<<3 | wireLen:
			s.StatusMessage = view(b[end-int(n) : end])
		case 3<<3 | wireVarint:
			s.StatusCode = ingest.StatusCode(int32(n))
		default:
			if !messages.status.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

// readEvent appends an event. When the list of attributes moves as it grows,
// earlier events keep the old one.
func (r *spanReader) readEvent(b []byte) bool {
	var e tracestore.Event
	first := len(r.below.kvs)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireFixed64:
			e.Time = int64(n)
		case 2<<3 | wireLen:
			e.Name = view(b[end-int(n) : end])
		case 3<<3 | wireLen:
			ok = r.below.add(b[end-int(n) : end])
		case 4<<3 | wireVarint:
			e.Dropped = uint32(n)
		default:
			ok = messages.event.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	e.Attributes = r.below.from(first)
	r.events = append(r.events, e)
	return true
}

func (r *spanReader) readLink(b []byte) bool {
	var l tracestore.Link
	first := len(r.below.kvs)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireLen:
			ok = fixed(l.TraceID[:], b[end-int(n):end])
		case 2<<3 | wireLen:
			ok = fixed(l.SpanID[:], b[end-int(n):end])
		case 3<<3 | wireLen:
			l.TraceState = view(b[end-int(n) : end])
		case 4<<3 | wireLen:
			ok = r.below.add(b[end-int(n) : end])
		case 5<<3 | wireVarint:
			l.Dropped = uint32(n)
		case 6<<3 | wireFixed32:
			l.Flags = uint32(n)
		default:
			ok = messages.link.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	l.Attributes = r.below.from(first)
	r.links = append(r.links, l)
	return true
}
