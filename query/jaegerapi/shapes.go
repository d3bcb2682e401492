package jaegerapi

import (
	"encoding/hex"
	"fmt"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

type (
	tagJSON struct {
		Key   string `json:"key"`
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
	referenceJSON struct {
		Type    string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	}
	logJSON struct {
		Time   int64     `json:"timestamp"` // Unix µs
		Fields []tagJSON `json:"fields"`
	}
	spanJSON struct {
		TraceID    string          `json:"traceID"`
		SpanID     string          `json:"spanID"`
		Flags      uint32          `json:"flags"`
		Name       string          `json:"operationName"`
		References []referenceJSON `json:"references"`
		Start      int64           `json:"startTime"` // Unix µs
		Duration   uint64          `json:"duration"`  // µs
		Tags       []tagJSON       `json:"tags"`
		Logs       []logJSON       `json:"logs"`
		Process    string          `json:"processID"`
		Warnings   []string        `json:"warnings"`
	}
	processJSON struct {
		Service string    `json:"serviceName"`
		Tags    []tagJSON `json:"tags"`
	}
	traceJSON struct {
		TraceID   string                 `json:"traceID"`
		Spans     []spanJSON             `json:"spans"`
		Processes map[string]processJSON `json:"processes"`
		Warnings  []string               `json:"warnings"`
	}
)

func traceOf(spans []tracestore.Span) traceJSON {
	t := traceJSON{TraceID: hex.EncodeToString(spans[0].TraceID[:]), Processes: map[string]processJSON{}}
	processes := map[uint64]string{}
	for i := range spans {
		s := &spans[i]
		p, ok := processes[s.Resource.ID]
		if !ok {
			p = fmt.Sprintf("p%d", len(processes)+1)
			processes[s.Resource.ID] = p
			var own []attribute.KeyValue
			for _, kv := range s.Resource.Attributes {
				if kv.Key != "service.name" {
					own = append(own, kv)
				}
			}
			t.Processes[p] = processJSON{s.Service, tags(own)}
		}
		t.Spans = append(t.Spans, spanOf(s, p))
	}
	return t
}

func spanOf(s *tracestore.Span, process string) spanJSON {
	out := spanJSON{
		TraceID: hex.EncodeToString(s.TraceID[:]), SpanID: hex.EncodeToString(s.SpanID[:]), Flags: s.Flags & 0xff, Name: s.Name,
		References: []referenceJSON{}, Start: s.Start / 1000, Duration: s.Duration / 1000, Tags: tags(s.Attributes), Logs: []logJSON{}, Process: process,
	}
	if s.Parent != [8]byte{} {
		out.References = append(out.References, referenceJSON{"CHILD_OF", out.TraceID, hex.EncodeToString(s.Parent[:])})
	}
	for i := range s.Links {
		l := &s.Links[i]
		out.References = append(out.References, referenceJSON{"FOLLOWS_FROM", hex.EncodeToString(l.TraceID[:]), hex.EncodeToString(l.SpanID[:])})
	}
	if k := kindName(s.Kind); k != "" {
		out.Tags = append(out.Tags, tagJSON{"span.kind", "string", k})
	}
	switch s.StatusCode {
	case 1:
		out.Tags = append(out.Tags, tagJSON{"otel.status_code", "string", "OK"})
	case 2:
		out.Tags = append(out.Tags, tagJSON{"otel.status_code", "string", "ERROR"}, tagJSON{"error", "bool", true})
	}
	if s.StatusMessage != "" {
		out.Tags = append(out.Tags, tagJSON{"otel.status_description", "string", s.StatusMessage})
	}
	if s.Scope.Name != "" {
		out.Tags = append(out.Tags, tagJSON{"otel.scope.name", "string", s.Scope.Name})
	}
	if s.Scope.Version != "" {
		out.Tags = append(out.Tags, tagJSON{"otel.scope.version", "string", s.Scope.Version})
	}
	if s.TraceState != "" {
		out.Tags = append(out.Tags, tagJSON{"w3c.tracestate", "string", s.TraceState})
	}
	for i := range s.Events {
		e := &s.Events[i]
		fields := append([]tagJSON{{"event", "string", e.Name}}, tags(e.Attributes)...)
		out.Logs = append(out.Logs, logJSON{e.Time / 1000, fields})
	}
	return out
}

func tags(kvs []attribute.KeyValue) []tagJSON {
	out := make([]tagJSON, 0, len(kvs))
	for _, kv := range kvs {
		t := tagJSON{Key: kv.Key, Type: "string", Value: kv.Value.Text()}
		switch kv.Value.Kind {
		case attribute.Bool:
			t.Type, t.Value = "bool", kv.Value.Bool()
		case attribute.Int:
			t.Type, t.Value = "int64", kv.Value.Int()
		case attribute.Double:
			t.Type, t.Value = "float64", kv.Value.Any()
		}
		out = append(out, t)
	}
	return out
}
