package query_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// TestTracePages reads a trace page by page: every span once, and on each page what
// services have of the whole.
func TestTracePages(t *testing.T) {
	s := newFixture(t, nil).open("acme", "acme", 1)
	path, seen, pages := "/api/v1/traces/"+hex.EncodeToString(s.trace[:])+"?limit=3", map[string]int{}, 0
	for next := ""; ; pages++ {
		var page struct {
			SpanCount int `json:"span_count"`
			Spans     []struct {
				SpanID string `json:"span_id"`
			}
			Summary []struct {
				Service       string
				Spans, Errors int
			}
			NextCursor string `json:"next_cursor"`
		}
		s.get(path+next, &page)
		for _, sp := range page.Spans {
			seen[sp.SpanID]++
		}
		if page.SpanCount != 4 || fmt.Sprint(page.Summary) != "[{acme-front 2 0} {acme-pay 2 1}]" {
			t.Errorf("page %d: %+v", pages, page)
		}
		if page.NextCursor == "" || pages > 3 {
			break
		}
		next = "&cursor=" + page.NextCursor
	}
	if pages != 1 || len(seen) != 4 {
		t.Errorf("%d further pages, spans %v", pages, seen)
	}
}

// A trace of more spans than any answer holds is answered in part by every API, which
// says so, and comes whole in pages.
func TestTraceOfAHundredThousandSpans(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	const spans = 100_500
	front := s.service("front")
	s.spans.Reset()
	s.trace = [16]byte{0xee}
	for i := range spans {
		r := tracestore.Record{TraceID: s.trace, Name: "step", Kind: 1, Start: epoch.UnixNano() + int64(i), End: epoch.UnixNano() + int64(i) + 1000, Service: front.name, ResourceID: front.resource, ScopeID: front.scope}
		binary.BigEndian.PutUint64(r.SpanID[:], uint64(i+1))
		binary.BigEndian.PutUint64(r.Parent[:], uint64(i)/2)
		s.spans.Append(&r)
	}
	storagetest.Insert(t, f.db, "large", s.spans)
	id := hex.EncodeToString(s.trace[:])

	seen, pages := 0, 0
	for next := ""; ; pages++ {
		var page struct {
			SpanCount  int `json:"span_count"`
			Spans      []json.RawMessage
			Summary    []struct{ Spans int }
			NextCursor string `json:"next_cursor"`
		}
		s.get("/api/v1/traces/"+id+"?limit=10000"+next, &page)
		if seen += len(page.Spans); page.SpanCount != spans || len(page.Summary) != 1 || page.Summary[0].Spans != spans {
			t.Fatalf("page %d: %d spans of %d, summary %+v", pages, len(page.Spans), page.SpanCount, page.Summary)
		}
		if page.NextCursor == "" || pages > spans/10_000 {
			break
		}
		next = "&cursor=" + page.NextCursor
	}
	if seen != spans {
		t.Errorf("the pages have %d spans, want %d", seen, spans)
	}

	const partial = "the trace has 100500 spans; these are its first 100000"
	v1 := f.request(s.tenant, "GET /tempo/api/traces/"+id, "Accept", "application/protobuf")
	if got := v1.header.Get("X-Trefoil-Partial"); v1.status != http.StatusOK || got != partial {
		t.Errorf("Tempo v1: %d, partial %q", v1.status, got)
	}
	if n := spansOf(t, v1.body); n != tracestore.MaxLimit {
		t.Errorf("Tempo v1: %d spans", n)
	}
	v2 := f.request(s.tenant, "GET /tempo/api/v2/traces/"+id, "Accept", "application/protobuf")
	if v2.status != http.StatusOK || !bytes.Contains(v2.body, []byte(partial)) {
		t.Errorf("Tempo v2: %d, and it does not say that it is partial", v2.status)
	}
	var jaeger struct {
		Data []struct {
			Spans    []json.RawMessage
			Warnings []string
		}
	}
	s.get("/jaeger/api/traces/"+id, &jaeger)
	if len(jaeger.Data) != 1 || len(jaeger.Data[0].Spans) != tracestore.MaxLimit || fmt.Sprint(jaeger.Data[0].Warnings) != "["+partial+"]" {
		t.Errorf("Jaeger: %d traces", len(jaeger.Data))
	}
}

// spansOf counts the spans of a message Trace.
func spansOf(t *testing.T, message []byte) int {
	t.Helper()
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalProto(message); err != nil {
		t.Fatal(err)
	}
	return request.Traces().SpanCount()
}
