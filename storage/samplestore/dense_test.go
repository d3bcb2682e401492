package samplestore_test

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// Series named by the first and the last are the ones that were asked for, whether
// their hours are packed or not, and of two metrics they are listed.
func TestDenseSeriesAreThoseAskedFor(t *testing.T) {
	f := newFixture(t)
	begin := noon.UnixMilli()
	var fps []uint64
	f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		for i := range int64(1500) {
			fp := b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge, Attributes: []attribute.KeyValue{num("i", i)}}, begin)
			if i%5 != 0 {
				fps = append(fps, fp)
			}
			b.Sample(fp, begin+i, 0, float64(i))
			b.Sample(fp, begin+3600_000+i, 0, float64(i))
		}
	})
	var other uint64
	f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		other = b.Series(&metricstore.Series{Name: "another", Type: metricstore.Gauge}, begin)
		b.Sample(other, begin, 0, 1)
	})
	statements := ""
	check := func(stage string, fps []uint64, listed bool) {
		t.Helper()
		r := samplestore.Range{Fingerprints: fps, From: begin, To: begin + 2*3600_000}
		want := f.streamed(t, r)
		r.Dense, statements = true, ""
		var mu sync.Mutex
		var got []samplestore.Samples
		_, err := f.Stream(conn.Traced(t.Context(), func(q conn.Ran) { statements += q.SQL }), "default", r, func(s samplestore.Samples) error {
			mu.Lock()
			defer mu.Unlock()
			s.Times, s.Values = slices.Clone(s.Times), slices.Clone(s.Values)
			got = append(got, s)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b samplestore.Samples) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
		if d := gocmp.Diff(want, got); d != "" || len(got) != len(fps) {
			t.Errorf("%s: %d series of %d: %.1000s", stage, len(got), len(fps), d)
		}
		if strings.Contains(statements, "{fingerprints:") != listed {
			t.Errorf("%s: %.2000s", stage, statements)
		}
	}
	check("not packed", fps, false)
	check("few", fps[:100], true)
	check("of two metrics", append([]uint64{other}, fps...), true)
	if _, err := f.Pack(t.Context(), noon.Add(-time.Hour), noon.Add(time.Hour+time.Minute)); err != nil {
		t.Fatal(err)
	}
	check("an hour packed", fps, false)
}
