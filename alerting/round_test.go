package alerting

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestSlots(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC)
	seen := map[int64]bool{}
	for id := range uint64(1000) {
		for _, interval := range []time.Duration{100 * time.Millisecond, 5 * time.Second, 30 * time.Second, time.Minute} {
			next := nextSlot(id, interval, now)
			if !next.After(now) || next.Sub(now) > interval {
				t.Fatalf("%d: the slot after %s is %s", id, now, next)
			}
			if after := nextSlot(id, interval, next); after.Sub(next) != interval {
				t.Fatalf("%d: %s after %s", id, after, next)
			}
			if interval == 30*time.Second {
				seen[next.UnixNano()] = true
			}
		}
	}
	if len(seen) != 10 {
		t.Errorf("groups of 30 s have %d slots, want 10", len(seen))
	}
}

// Groups of one slot read ahead once, for all of them; a rule that reads what
// another one of its group records is read for after it.
func TestGroupsReadAheadTogether(t *testing.T) {
	type marker struct{}
	var (
		mu    sync.Mutex
		reads [][]string
		asked = map[string]bool{}
	)
	cfg := Config{
		Instant: func(ctx context.Context, _ tenant.ID, _, expr string, _ time.Time) (promql.Vector, annotations.Annotations, error) {
			mu.Lock()
			defer mu.Unlock()
			read, _ := ctx.Value(marker{}).([]string)
			asked[fmt.Sprintf("%s %v", expr, slices.Contains(read, expr))] = true
			return nil, nil, nil
		},
		Record: func(context.Context, tenant.ID, promql.Vector) error { return nil },
		Ahead: func(_ context.Context, _ tenant.ID, queries []language.Query) func(context.Context) context.Context {
			var read []string
			for _, q := range queries {
				read = append(read, q.Text)
			}
			slices.Sort(read)
			mu.Lock()
			reads = append(reads, read)
			mu.Unlock()
			return func(ctx context.Context) context.Context { return context.WithValue(ctx, marker{}, read) }
		},
	}
	const rules = `
groups:
- name: a
  interval: 200ms
  rules: [{record: r, expr: x}, {alert: A, expr: r > 1}, {alert: B, expr: z}]
- name: b
  interval: 200ms
  rules: [{alert: C, expr: y}]
`
	w := start(t, cfg, newPager(t), rules)
	eventually(t, "evaluations", func() bool { mu.Lock(); defer mu.Unlock(); return len(reads) >= 8 })
	w.stop()
	together := slices.ContainsFunc(reads, func(r []string) bool { return slices.Equal(r, []string{"x", "y", "z"}) })
	later := slices.ContainsFunc(reads, func(r []string) bool { return slices.Equal(r, []string{"r > 1"}) })
	if !together || !later {
		t.Errorf("read ahead: %v", reads)
	}
	for _, expr := range []string{"x", "y", "z", "r > 1"} {
		if !asked[expr+" true"] || asked[expr+" false"] {
			t.Errorf("%s was evaluated without being read ahead: %v", expr, asked)
		}
	}
}
