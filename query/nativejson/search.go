package nativejson

import (
	"encoding/hex"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
)

// FoundSpan is a span that a search matched.
type FoundSpan struct {
	SpanID     string            `json:"span_id"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Start      string            `json:"start"`
	DurationNS uint64            `json:"duration_ns"`
	Fields     map[string]string `json:"fields"`
}

// FoundSpanset is the spans of a trace that matched together.
type FoundSpanset struct {
	Matched int               `json:"matched"`
	Results map[string]string `json:"results"`
	Spans   []FoundSpan       `json:"spans"`
}

// FoundTrace is a trace that has what was searched for.
type FoundTrace struct {
	TraceID    string         `json:"trace_id"`
	Service    string         `json:"root_service"`
	Name       string         `json:"root_name"`
	Start      string         `json:"start"`
	DurationNS int64          `json:"duration_ns"`
	Spans      int            `json:"span_count"`
	Errors     int            `json:"error_count"`
	Sets       []FoundSpanset `json:"spansets"`
}

// FoundTraces is the answer to a search.
type FoundTraces struct {
	Traces  []FoundTrace        `json:"traces"`
	Partial string              `json:"partial,omitempty"`
	Stats   SearchStats         `json:"stats"`
	Explain *explained.Document `json:"explain,omitempty"`
}

// SearchStats is what a search looked at.
type SearchStats struct {
	Traces    int    `json:"traces"`
	Spans     int    `json:"spans"`
	RowsRead  uint64 `json:"rows_read"`
	BytesRead uint64 `json:"bytes_read"`
}

// FoundTracesOf makes the answer to a search.
func FoundTracesOf(found *traceexec.Found) *FoundTraces {
	body := &FoundTraces{Traces: []FoundTrace{}, Partial: found.Partial,
		Stats: SearchStats{found.Stats.Traces, found.Stats.Spans, found.Stats.Rows, found.Stats.Bytes}}
	for i := range found.Traces {
		body.Traces = append(body.Traces, foundTraceOf(&found.Traces[i]))
	}
	return body
}

func foundTraceOf(t *traceexec.TraceFound) FoundTrace {
	out := FoundTrace{TraceID: hex.EncodeToString(t.TraceID[:]), Service: t.RootService, Name: t.RootName, Start: TimeText(t.Start), DurationNS: int64(t.Duration), Sets: []FoundSpanset{}}
	for _, s := range t.Services {
		out.Spans += s.Spans
		out.Errors += s.Errors
	}
	for _, set := range t.Sets {
		f := FoundSpanset{Matched: set.Matched, Results: map[string]string{}, Spans: []FoundSpan{}}
		for _, at := range set.Attributes {
			f.Results[at.Name] = at.Value.Text()
		}
		for _, s := range set.Spans {
			sp := FoundSpan{SpanID: IDText(s.SpanID[:]), Service: s.Service, Name: s.Name, Start: TimeText(s.Start), DurationNS: s.Duration, Fields: map[string]string{}}
			for _, v := range s.Fields {
				sp.Fields[v.Field.String()] = v.Value.Text()
			}
			f.Spans = append(f.Spans, sp)
		}
		out.Sets = append(out.Sets, f)
	}
	return out
}
