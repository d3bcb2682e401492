package metricexec

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// counted counts what is asked of a source.
type counted struct {
	Source
	asked atomic.Int64
}

func (c *counted) Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	c.asked.Add(1)
	return c.Source.Index(ctx, t, from, to, sel)
}

func (c *counted) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	c.asked.Add(1)
	return c.Source.Stream(ctx, t, r, each)
}

func (c *counted) Samples(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	c.asked.Add(1)
	return c.Source.Samples(ctx, t, r, each)
}

func (c *counted) Histograms(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Histograms) error) (conn.Stats, error) {
	c.asked.Add(1)
	return c.Source.Histograms(ctx, t, r, each)
}

// What is read ahead changes no answer, and nearly all is found there.
func TestAheadChangesNoAnswer(t *testing.T) {
	s := newShop(t)
	source := &counted{Source: s.memory}
	e := New(Config{Source: source})
	when := s.start.Add(31*time.Minute + 7*time.Second)
	var all []Timed
	for _, q := range queries {
		all = append(all, Timed{q[0], when})
	}
	a, err := e.Ahead(t.Context(), tenant.Default, all)
	if err != nil {
		t.Fatal(err)
	}
	ahead := source.asked.Load()
	var again []string
	for _, q := range queries {
		want := evaluate(e, q[0], span{end: when})
		source.asked.Store(0)
		for range 2 { // what one evaluation was given is not what it makes of it
			res, err := e.Instant(a.With(t.Context()), tenant.Default, q[0], when)
			got := ""
			if err != nil {
				got = "error: " + err.Error()
			} else {
				got = render(legacy(res.Value), ordered(q[0]))
				res.Close()
			}
			if got != want {
				t.Errorf("%s: %s", q[0], firstDifference(got, want))
			}
		}
		if source.asked.Load() > 0 {
			again = append(again, q[0])
		}
	}
	// A selector without a name, and one at a fixed time.
	if len(again) > 6 || ahead > 6 {
		t.Errorf("%d reads ahead, and then again for\n%s", ahead, strings.Join(again, "\n"))
	}
	source.asked.Store(0)
	for _, other := range []struct {
		tenant tenant.ID
		at     time.Time
	}{{"other", when}, {tenant.Default, when.Add(-2 * time.Hour)}} {
		if _, err := e.Instant(a.With(t.Context()), other.tenant, "http_server_requests_total", other.at); err != nil {
			t.Fatal(err)
		}
	}
	if source.asked.Load() == 0 {
		t.Error("another tenant or time was answered from what was read ahead")
	}
}

func TestAheadOfDeltas(t *testing.T) {
	source := &counted{Source: deltaShop()}
	e := New(Config{Source: source})
	exprs := []string{"rate(orders_total[15m])", "increase(orders_total[1h])", "orders_total", "max_over_time(orders_total[30m] offset 2m)", "resets(orders_total[20m])"}
	for _, when := range []time.Duration{2 * time.Minute, 11 * time.Minute, 22 * time.Minute} {
		var all []Timed
		for _, expr := range exprs {
			all = append(all, Timed{expr, at(when)})
		}
		a, err := e.Ahead(t.Context(), tenant.Default, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, expr := range exprs {
			want := evaluate(e, expr, span{end: at(when)})
			source.asked.Store(0)
			res, err := e.Instant(a.With(t.Context()), tenant.Default, expr, at(when))
			if err != nil {
				t.Fatal(err)
			}
			if got := render(res.Value, false); got != want || source.asked.Load() > 0 {
				t.Errorf("%s at %s: %s, want %s; asked again: %d", expr, when, got, want, source.asked.Load())
			}
			res.Close()
		}
	}
}
