package lokipush

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"

	"github.com/trefoil-o11y/trefoil/ingest/ingesttest"
)

// TestSmallRequestsShareAndKeepApart has clients push a few lines at once, which are
// joined before the log, each twice, in both forms, some of them wrong in part or
// altogether: every line that was taken is stored once, and everybody is told of
// their own.
func TestSmallRequestsShareAndKeepApart(t *testing.T) {
	const clients, each = 12, 12
	s := newStack(t)
	now := time.Now()
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range each {
				id := client*each + i
				labels := []string{"app", "shop", "client", fmt.Sprint(client)}
				lines := []entry{{now, fmt.Sprint(id, "-0"), nil}, {now, fmt.Sprint(id, "-1"), nil}}
				status, text := 204, ""
				if id%11 == 5 {
					lines = append(lines, entry{now.AddDate(-1, 0, 0), "old", nil})
					status, text = 400, fmt.Sprintf(`1 of 3 records not stored, the first of {app="shop", client="%d"}: time_too_old`, client)
				}
				p := push{{labels, lines}}
				body, headers := snappy.Encode(nil, p.protobuf()), []string(nil)
				if client%2 == 1 {
					body, headers = p.json(t), []string{"Content-Type", jsonType}
				}
				if id%13 == 6 {
					body, status, text = body[:len(body)-3], 400, ""
				}
				var twice sync.WaitGroup
				for range 2 {
					twice.Go(func() {
						if got := ingesttest.Post(t, s.url, body, headers...); got.Status != status || !strings.Contains(got.Text, text) {
							t.Errorf("request %d: %d %s, want %d with %q", id, got.Status, got.Text, status, text)
						}
					})
				}
				twice.Wait()
			}
		})
	}
	all.Wait()
	taken := 0
	for id := range clients * each {
		if id%13 != 6 {
			taken++
		}
	}
	if odd := s.lines(t, "SELECT concat(body, ' ', toString(count())) FROM logs GROUP BY body HAVING count() != 1"); odd != "" {
		t.Errorf("not stored once: %v", odd)
	}
	if got := s.lines(t, "SELECT toString(uniqExact(body)) FROM logs"); got != fmt.Sprint(2*taken) {
		t.Errorf("%s lines of %d requests", got, taken)
	}
}
