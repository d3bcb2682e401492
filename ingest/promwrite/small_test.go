package promwrite

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSmallRequestsShareAndKeepApart has senders write a few samples at once, which
// are joined before the log, each twice, in both versions, some of them wrong in
// part or altogether: every sample that was taken is stored once, and everybody is
// told what was written of their own.
func TestSmallRequestsShareAndKeepApart(t *testing.T) {
	const clients, each = 12, 12
	s := newStack(t)
	now := time.Now()
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range each {
				id := client*each + i
				n := 1 + id%3
				r := newScrape()
				for part := range n {
					r.sample(now, 0, float64(id), meta{}, "__name__", "small", "id", fmt.Sprint(id, "-", part))
				}
				status, text := 204, ""
				if id%11 == 5 {
					r.sample(now.AddDate(-1, 0, 0), 0, 1, meta{}, "__name__", "old", "id", fmt.Sprint(id))
					status, text = 400, fmt.Sprintf(`1 of %d records not stored, the first of old{id="%d"}`, n+1, id)
				}
				v, contentType := v1, typeV1
				if client%2 == 1 {
					v, contentType = v2, typeV2
				}
				message, written := r.message(t, v), fmt.Sprint(n)
				if id%13 == 6 {
					message, status, text, written = message[:len(message)-3], 400, "protobuf", "0"
				}
				var twice sync.WaitGroup
				for range 2 {
					twice.Go(func() {
						got := post(t, s.url, message, "Content-Type", contentType)
						if got.Status != status || !strings.Contains(got.Text, text) {
							t.Errorf("request %d: %d %s, want %d with %q", id, got.Status, got.Text, status, text)
						}
						if samples := got.Header.Get(headerSamples); v == v2 && samples != written {
							t.Errorf("request %d: %s samples written, want %s", id, samples, written)
						}
					})
				}
				twice.Wait()
			}
		})
	}
	all.Wait()
	want := 0
	for id := range clients * each {
		if id%13 != 6 {
			want += 1 + id%3
		}
	}
	got := s.lines(t, "SELECT concat(toString(count()), ' of ', toString(uniqExact(fingerprint))) FROM samples ARRAY JOIN ts")
	if got != fmt.Sprintf("%d of %d", want, want) {
		t.Errorf("%s samples of series, want %d", got, want)
	}
}
