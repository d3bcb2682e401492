package nativeapi

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// timeText is a time in Unix nanoseconds as the API writes it.
func timeText(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// idText is an ID in hexadecimal, empty if it is all zero, which OTLP has for
// none.
func idText(id []byte) string {
	for _, b := range id {
		if b != 0 {
			return hex.EncodeToString(id)
		}
	}
	return ""
}

// valueJSON is a value with its type. Everything Value.Any returns encodes.
func valueJSON(v attribute.Value) json.RawMessage {
	b, err := encode(v.Any())
	if err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b, []byte("\n"))
}

// attributesJSON is an object of attributes in their order.
func attributesJSON(kvs []attribute.KeyValue) json.RawMessage {
	b := []byte{'{'}
	for i, kv := range kvs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, valueJSON(attribute.StringValue(kv.Key))...), ':')
		b = append(b, valueJSON(kv.Value)...)
	}
	return append(b, '}')
}

// renderer makes wire shapes of stored rows. Resources and scopes are shared by
// many rows and encoded once.
type renderer struct {
	resources map[*resourcestore.Row]json.RawMessage
	scopes    map[*resourcestore.ScopeRow]scope
}

func newRenderer() *renderer {
	return &renderer{resources: map[*resourcestore.Row]json.RawMessage{}, scopes: map[*resourcestore.ScopeRow]scope{}}
}

func (r *renderer) resource(row *resourcestore.Row) json.RawMessage {
	out, ok := r.resources[row]
	if !ok {
		out = attributesJSON(row.Attributes)
		r.resources[row] = out
	}
	return out
}

func (r *renderer) scope(row *resourcestore.ScopeRow) scope {
	out, ok := r.scopes[row]
	if !ok {
		out = scope{Name: row.Name, Version: row.Version, Attributes: attributesJSON(row.Attributes)}
		r.scopes[row] = out
	}
	return out
}

func (r *renderer) record(row *logstore.Row) logRecord {
	return logRecord{
		ID:             recordID(row),
		Time:           timeText(row.Time),
		ObservedTime:   timeText(row.ObservedTime),
		Service:        row.Service,
		Severity:       severityName(row.SeverityNumber),
		SeverityNumber: row.SeverityNumber,
		SeverityText:   row.SeverityText,
		Body:           valueJSON(row.Body),
		TraceID:        idText(row.TraceID[:]),
		SpanID:         idText(row.SpanID[:]),
		Flags:          row.Flags,
		EventName:      row.EventName,
		Attributes:     attributesJSON(row.Attributes),
		Resource:       r.resource(row.Resource),
		Scope:          r.scope(row.Scope),
	}
}

func (r *renderer) logs(res *logstore.Result) *logsBody {
	out := &logsBody{Records: make([]logRecord, len(res.Rows)), Truncated: res.Truncated}
	for i := range res.Rows {
		out.Records[i] = r.record(&res.Rows[i])
	}
	out.NextCursor = nextCursor(res)
	return out
}

// nextCursor is where the page behind a page begins, empty behind the last.
func nextCursor(res *logstore.Result) string {
	if !res.Truncated || len(res.Rows) == 0 {
		return ""
	}
	return cursor(res.Rows[len(res.Rows)-1].Cursor()).String()
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

func (r *renderer) trace(id [16]byte, t *correlate.Trace) *traceBody {
	out := &traceBody{
		TraceID:    hex.EncodeToString(id[:]),
		Start:      timeText(t.Start),
		End:        timeText(t.End),
		DurationNS: t.End - t.Start,
		Services:   t.Services,
		SpanCount:  t.Total,
		Truncated:  t.Truncated,
		Spans:      make([]span, len(t.Places)),
	}
	if t.Truncated && len(t.Spans) > 0 {
		last := &t.Spans[len(t.Spans)-1]
		out.NextCursor = cursor{Time: last.Start, ID: binary.BigEndian.Uint64(last.SpanID[:])}.String()
	}
	for _, s := range t.Summary {
		out.Summary = append(out.Summary, serviceShare{s.Service, s.Spans, s.Errors, timeText(s.Start), timeText(s.End), s.Busy})
	}
	for i, p := range t.Places {
		s := r.span(&t.Spans[p.Index])
		s.Depth, s.Orphan = p.Depth, p.Orphan
		for _, k := range p.Children {
			s.Children = append(s.Children, idText(t.Spans[k].SpanID[:]))
		}
		out.Spans[i] = s
	}
	return out
}

func (r *renderer) span(s *tracestore.Span) span {
	out := span{
		SpanID:       idText(s.SpanID[:]),
		ParentSpanID: idText(s.Parent[:]),
		TraceState:   s.TraceState,
		Flags:        s.Flags,
		Name:         s.Name,
		Kind:         named(kinds[:], s.Kind),
		Service:      s.Service,
		Start:        timeText(s.Start),
		DurationNS:   s.Duration,
		Status:       spanStatus{Code: named(codes[:], s.StatusCode), Message: s.StatusMessage},
		Attributes:   attributesJSON(s.Attributes),
		Resource:     r.resource(s.Resource),
		Scope:        r.scope(s.Scope),
		Events:       make([]spanEvent, len(s.Events)),
		Links:        make([]spanLink, len(s.Links)),
		Children:     []string{},
	}
	for i, e := range s.Events {
		out.Events[i] = spanEvent{Time: timeText(e.Time), Name: e.Name, Attributes: attributesJSON(e.Attributes)}
	}
	for i, l := range s.Links {
		out.Links[i] = spanLink{TraceID: idText(l.TraceID[:]), SpanID: idText(l.SpanID[:]), TraceState: l.TraceState, Attributes: attributesJSON(l.Attributes)}
	}
	return out
}

func (r *renderer) exemplars(e *metricstore.Exemplars, labels func(*metricstore.SeriesRow) map[string]string) *exemplarsSection {
	out := &exemplarsSection{Items: make([]exemplarItem, len(e.Rows)), Truncated: e.Truncated}
	for i := range e.Rows {
		x := &e.Rows[i]
		item := exemplarItem{
			Time:       timeText(x.Time),
			Metric:     x.Metric,
			Labels:     map[string]string{},
			Value:      valueJSON(attribute.DoubleValue(x.Value)),
			TraceID:    idText(x.TraceID[:]),
			SpanID:     idText(x.SpanID[:]),
			Attributes: attributesJSON(x.Attributes),
		}
		if x.Series != nil {
			item.Labels = labels(x.Series)
		}
		out.Items[i] = item
	}
	return out
}
