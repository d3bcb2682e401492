package metricexec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// turning is a store that counts the reads whose series come in turn.
type turning struct {
	*metricstore.Store
	turns *atomic.Int64
}

func (s turning) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	if inTurn := r.InTurn; inTurn != nil {
		r.InTurn = func() {
			s.turns.Add(1)
			inTurn()
		}
	}
	return s.Store.Stream(ctx, t, r, each)
}

// Series that are in memory are aggregated as they come, to the same bits, and only where each is what it is stored as.
func TestSeriesInMemoryAreFoldedInTurn(t *testing.T) {
	db := storagetest.DB(t)
	known, rng := resourcestore.NewKnown(1000), rand.New(rand.NewPCG(4, 4))
	begin := time.Date(2023, 11, 14, 9, 0, 0, 0, time.UTC)
	b := metricstore.NewBatch(tenant.Default, retention, known)
	for i := range 300 {
		name := []string{"m", "n"}[i%2]
		s := metricstore.Series{Name: name, Type: metricstore.Gauge, Attributes: attributesOf("i", fmt.Sprint(i), "job", fmt.Sprint(i%7))}
		fp := b.Series(&s, begin.UnixMilli())
		b.SeriesDay(&s, fp, begin.UnixMilli())
		v := 0.0
		for k := range int64(120) {
			if v += rng.Float64(); rng.IntN(50) == 0 {
				v = 0
			}
			b.Sample(fp, begin.UnixMilli()+k*60_000, 0, v)
		}
	}
	blocks, err := b.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, bl := range blocks {
		if err := db.Insert(t.Context(), bl.Table, fmt.Sprint("turns", i), []block.Block{bl}); err != nil {
			t.Fatal(err)
		}
	}
	store := metricstore.New(db, resourcestore.New(db))
	store.Remember(8 << 20)
	var turns atomic.Int64
	e, plain := New(Config{Source: turning{store, &turns}}), New(Config{Source: metricstore.New(db, resourcestore.New(db))})
	for expr, want := range map[string]int64{
		"sum(rate(m[5m]))": 1, "sum by (job) (rate(m[5m]))": 1, "avg without (i) (m)": 1, `max by (job) (max_over_time(m{job!="3"}[10m]))`: 1,
		"count(m) + sum(n)": 2, "topk(2, m)": 0, "rate(m[5m])": 0, `sum({__name__=~"m|n"})`: 0,
	} {
		ask := func(e *Engine) promql.Matrix {
			res, err := e.Range(t.Context(), tenant.Default, expr, begin.Add(-10*time.Minute), begin.Add(130*time.Minute), time.Minute)
			if err != nil {
				t.Fatalf("%s: %v", expr, err)
			}
			return res.Value.(promql.Matrix)
		}
		right := ask(plain)
		for range 2 {
			turns.Store(0)
			if d := bitwise(ask(e), right); d != "" {
				t.Errorf("%s: %s", expr, d)
			}
		}
		if turns.Load() != want {
			t.Errorf("%s: series came in turn %d times, want %d", expr, turns.Load(), want)
		}
	}
}
