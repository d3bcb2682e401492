package metricexec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// feed stores samples of 40 series of m for two tenants while a clock goes on.
type feed struct {
	t     *testing.T
	db    *conn.DB
	known *resourcestore.Known
	rng   *rand.Rand
	now   time.Time
	sent  int
}

func (f *feed) store(tenants []tenant.ID, from, to time.Time, every time.Duration, series int) {
	f.t.Helper()
	// Never two samples of one time: which of them counts is not for this test.
	f.sent++
	from = from.Add(time.Duration(f.sent) * time.Millisecond)
	for _, id := range tenants {
		b := metricstore.NewBatch(id, retention, f.known)
		for i := range series {
			s := metricstore.Series{Name: "m", Type: metricstore.Gauge, Attributes: attributesOf("i", fmt.Sprint(i), "g", fmt.Sprint(i%3))}
			fp := b.Series(&s, from.UnixMilli())
			for at := from; at.Before(to); at = at.Add(every) {
				b.SeriesDay(&s, fp, at.UnixMilli())
				b.Sample(fp, at.UnixMilli(), 0, float64(f.rng.IntN(1000)))
			}
		}
		blocks, err := b.Blocks(nil)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, bl := range blocks {
			f.sent++
			if err := f.db.Insert(f.t.Context(), bl.Table, fmt.Sprint("feed", f.sent), []block.Block{bl}); err != nil {
				f.t.Fatal(err)
			}
		}
		b.MarkStored()
	}
}

func attributesOf(pairs ...string) (out []attribute.KeyValue) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, attribute.KeyValue{Key: pairs[i], Value: attribute.StringValue(pairs[i+1])})
	}
	return out
}

// Whatever comes, late, out of order, for another tenant or not at all, the answer
// with the cache is the one without it; and asking again reads little.
func TestCachedAnswersAreTrue(t *testing.T) {
	db := storagetest.DB(t)
	store := metricstore.New(db, resourcestore.New(db))
	f := &feed{t: t, db: db, known: resourcestore.NewKnown(1000), rng: rand.New(rand.NewPCG(3, 4)), now: epoch.Add(7 * time.Hour)}
	both := []tenant.ID{"a", "b"}
	f.store(both, epoch, f.now, 30*time.Second, 40)
	now := func() time.Time { return f.now }
	e := New(Config{Source: store, Held: store.Held, CacheBytes: 8 << 20, Now: now})
	e.worth = 0
	plain := New(Config{Source: store})
	exprs := []string{
		`sum by (g) (rate(m[5m]))`, `m{g="1"} + 0 * m`, `max_over_time(m[20m] offset 10m)`, `avg_over_time(sum by (g) (m)[30m:1m])`,
		`topk(3, m)`, `count(m) or vector(1)`, `m @ 1700000000 + m`, `quantile(0.3, m)`,
	}
	// Functions of MetricsQL that look at their windows alone, and around them.
	others := []string{
		`sum by (g) (max_over_time(m[20m]))`, `count_over_time(m{g="1"}[5m] offset 10m) + 1`, `avg_over_time(sum by (g) (last_over_time(m[5m]))[30m:1m])`,
		`topk(3, sum_over_time(m[5m]))`, `quantile_over_time(0.3, m[7m]) if first_over_time(m{g="2"}[5m])`, `range_max(min_over_time(m[5m]))`,
	}
	same := func(id tenant.ID, expr string, from, to time.Time, by func(*Engine) (*Result, error)) Stats {
		t.Helper()
		got, err := by(e)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		defer got.Close()
		want, err := by(plain)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		defer want.Close()
		if a, b := render(got.Value, false), render(want.Value, false); a != b {
			t.Fatalf("%s for %s from %s to %s, %d of %d steps cached: %s", expr, id, from, to, got.Stats.CachedSteps, got.Stats.Steps, firstDifference(a, b))
		}
		return got.Stats
	}
	ask := func(id tenant.ID, expr string, from, to time.Time) Stats {
		t.Helper()
		return same(id, expr, from, to, func(e *Engine) (*Result, error) { return e.Range(t.Context(), id, expr, from, to, time.Minute) })
	}
	start := epoch.Truncate(time.Minute)
	hits, asked := int64(0), int64(0)
	otherHits, otherAsked := int64(0), int64(0)
	for round := range 6 {
		for _, id := range both {
			for _, expr := range exprs {
				from := start.Add(time.Duration(f.rng.IntN(4)) * 37 * time.Minute)
				s := ask(id, expr, from, f.now)
				hits, asked = hits+s.CachedSteps, asked+s.Steps
			}
			for _, expr := range others {
				q, from := metricsQL(t, expr), start.Add(time.Duration(f.rng.IntN(4))*37*time.Minute)
				s := same(id, expr, from, f.now, func(e *Engine) (*Result, error) { return e.Steps(t.Context(), id, q, from, f.now, time.Minute) })
				otherHits, otherAsked = otherHits+s.CachedSteps, otherAsked+s.Steps
			}
		}
		f.now = f.now.Add(time.Duration(f.rng.IntN(400)) * time.Second)
		switch round % 4 {
		case 1: // late, of one tenant, anywhere
			at := epoch.Add(time.Duration(f.rng.IntN(6*60)) * time.Minute)
			f.store([]tenant.ID{"a"}, at, at.Add(time.Minute), 7*time.Second, 5)
		case 2:
			f.store(both, f.now.Add(-10*time.Minute), f.now, 15*time.Second, 45)
		}
	}
	if hits < asked/4 || otherHits < otherAsked/4 {
		t.Errorf("%d of %d steps came from the cache, %d of %d of MetricsQL", hits, asked, otherHits, otherAsked)
	}

	// Nothing new: everything that has settled comes from the cache.
	const expr = `sum by (g) (rate(m[5m]))`
	ask("a", expr, start, f.now)
	s := ask("a", expr, start, f.now)
	if s.CachedSteps < s.Steps-6 {
		t.Errorf("%d of %d steps cached", s.CachedSteps, s.Steps)
	}
	res, err := e.Range(t.Context(), "a", expr, start, f.now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if plan := res.Explain().Plan; !strings.HasPrefix(plan, "cache  -- ") {
		t.Errorf("explained as %q", plan)
	}
	if res, err = e.Range(WithoutCache(t.Context()), "a", expr, start, f.now, time.Minute); err != nil || res.Stats.CachedSteps > 0 {
		t.Errorf("asked without the cache: %d steps of it, %v", res.Stats.CachedSteps, err)
	}
	// A range that is mostly of the hour under way is not looked for.
	begun := f.now
	f.now = f.now.Truncate(time.Hour).Add(50 * time.Minute)
	for range 2 {
		if s := ask("a", expr, f.now.Add(-time.Hour), f.now); s.Steps != 0 {
			t.Errorf("%d of %d steps of the last hour cached", s.CachedSteps, s.Steps)
		}
	}
	f.now = begun
	// Storage that is away is an error, whatever the cache has.
	away := New(Config{Source: store, Now: now, CacheBytes: 8 << 20, Held: func(context.Context, tenant.ID, int64, int64) (map[int64]uint64, error) {
		return nil, &conn.Error{Class: conn.Unavailable, Op: "held", Message: "away"}
	}})
	away.worth = 0
	for k := range 2 {
		_, err = away.Range(t.Context(), "a", expr, start, f.now, time.Minute)
		if k == 1 && (err == nil || fault.Of(err).Code != fault.Unavailable) {
			t.Errorf("storage is away: %v", err)
		}
	}
}
