package rangecache

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// matrix is series a, b, … with a point each 10 ms, where has says so.
func matrix(from, to int64, has func(series, at int64) bool) promql.Matrix {
	var m promql.Matrix
	for k := range int64(4) {
		s := promql.Series{Metric: labels.FromStrings("s", string(rune('a'+k)))}
		for at := from; at <= to; at += 10 {
			if has(k, at) {
				s.Floats = append(s.Floats, promql.FPoint{T: at, F: float64(k*1_000_000 + at)})
			}
		}
		if len(s.Floats) > 0 {
			m = append(m, s)
		}
	}
	return m
}

// Whatever is cut in two and joined is what it was.
func TestCutAndJoin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		gone := map[[2]int64]bool{}
		for range rng.IntN(120) {
			gone[[2]int64{rng.Int64N(4), rng.Int64N(30) * 10}] = true
		}
		all := matrix(0, 290, func(series, at int64) bool { return !gone[[2]int64{series, at}] })
		at := rng.Int64N(320) - 10
		got := Join(Cut(all, 0, at), Cut(all, at+1, 290))
		if d := cmp.Diff(fmt.Sprint(all), fmt.Sprint(got)); d != "" {
			t.Fatalf("cut at %d: %s", at, d)
		}
	}
}

func TestTrueUntil(t *testing.T) {
	e := Entry{Start: 5 * hour, End: 7*hour + 100, Back: hour / 2, Held: Held{4 * hour: 1, 5 * hour: 2, 6 * hour: 3, 7 * hour: 4}}
	for name, c := range map[string]struct {
		now  Held
		want int64
	}{
		"nothing new":             {Held{4 * hour: 1, 5 * hour: 2, 6 * hour: 3, 7 * hour: 4, 8 * hour: 9}, 7*hour + 100},
		"more in the last hour":   {Held{4 * hour: 1, 5 * hour: 2, 6 * hour: 3, 7 * hour: 5}, 7*hour - 1},
		"late, in between":        {Held{4 * hour: 1, 5 * hour: 2, 6 * hour: 4, 7 * hour: 4}, 6*hour - 1},
		"late, before the start":  {Held{4 * hour: 2, 5 * hour: 2, 6 * hour: 3, 7 * hour: 4}, 4*hour - 1},
		"expired":                 {Held{6 * hour: 3, 7 * hour: 4}, 4*hour - 1},
		"late, earlier than read": {Held{3 * hour: 9, 4 * hour: 1, 5 * hour: 2, 6 * hour: 3, 7 * hour: 4}, 7*hour + 100},
	} {
		if got := e.TrueUntil(c.now); got != c.want {
			t.Errorf("%s: true until %d, want %d", name, got, c.want)
		}
	}
}

// The cache stays within its bytes, and a tenant within its share.
func TestBounds(t *testing.T) {
	const most = 1 << 20
	c := New(most)
	entry := func(points int64) *Entry {
		return &Entry{Matrix: matrix(0, points*10, func(series, _ int64) bool { return series == 0 })}
	}
	other := Key{Tenant: "other", Expr: "x"}
	c.Put(other, entry(100))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				c.Put(Key{Tenant: "loud", Expr: fmt.Sprint(w, i)}, entry(1000))
				c.Get(Key{Tenant: "loud", Expr: fmt.Sprint(w, i/2)})
				if b := c.Bytes(); b > most {
					t.Errorf("%d bytes", b)
				}
			}
		})
	}
	wg.Wait()
	if b := c.Bytes(); b < most/shareOfTenant/2 || b > most/shareOfTenant+10_000 {
		t.Errorf("one tenant fills %d bytes", b)
	}
	if c.Get(other) == nil {
		t.Error("a tenant drove another's answer out")
	}
	c.Put(other, entry(most))
	if c.Get(other) != nil {
		t.Error("an answer that is too large is kept, or the one it replaces is")
	}
	for i := range 10 {
		c.Put(Key{Tenant: tenant.ID(fmt.Sprint(i)), Expr: "x"}, entry(7000))
	}
	if b := c.Bytes(); b > most || b < most/2 {
		t.Errorf("many tenants fill %d bytes", b)
	}
	var none *Cache = New(0)
	none.Put(other, entry(1))
	if none.Get(other) != nil || none.Bytes() != 0 {
		t.Error("a cache of no bytes keeps something")
	}
}
