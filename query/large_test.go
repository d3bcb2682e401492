package query_test

import (
	"encoding/hex"
	"fmt"
	"testing"
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
