package samplestore_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
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

// streamed collects what Stream passes on, by fingerprint.
func (f *fixture) streamed(t *testing.T, r samplestore.Range) (list []samplestore.Samples) {
	t.Helper()
	var mu sync.Mutex
	_, err := f.Stream(t.Context(), "default", r, func(s samplestore.Samples) error {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, samplestore.Samples{Fingerprint: s.Fingerprint, Times: slices.Clone(s.Times), Values: slices.Clone(s.Values)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b samplestore.Samples) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return list
}

// inTurn is streamed, asked for in another order than that of fingerprints; ok means that all series came in turn.
func (f *fixture) inTurn(t *testing.T, r samplestore.Range) (list []samplestore.Samples, ok bool) {
	t.Helper()
	r.Fingerprints = slices.Clone(r.Fingerprints)
	slices.Reverse(r.Fingerprints)
	seen := make([]bool, len(r.Fingerprints))
	r.InTurn = func() { ok = true }
	var mu sync.Mutex
	if _, err := f.Stream(t.Context(), "default", r, func(s samplestore.Samples) error {
		mu.Lock()
		defer mu.Unlock()
		if ok && (seen[s.Place] || r.Fingerprints[s.Place] != s.Fingerprint) {
			t.Errorf("series %d at %d", s.Fingerprint, s.Place)
		}
		if seen[s.Place] = true; len(s.Times) > 0 {
			list = append(list, samplestore.Samples{Fingerprint: s.Fingerprint, Times: slices.Clone(s.Times), Values: slices.Clone(s.Values)})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if ok && slices.Contains(seen, false) {
		t.Error("not all series came")
	}
	slices.SortFunc(list, func(a, b samplestore.Samples) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return list, ok
}

// What is packed reads as what is not, also when more has come since, out of
// order, twice, or of a series that had none.
func TestPacksAreWhatWasStored(t *testing.T) {
	f := newFixture(t)
	f.Remember(1 << 20)
	rng := rand.New(rand.NewPCG(5, 6))
	begin := noon.UnixMilli()
	fps := make([]uint64, 300)
	store := func(n, hours int, series []uint64) {
		f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
			for i := range series {
				fp := b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge, Attributes: []attribute.KeyValue{num("i", int64(i))}}, begin)
				series[i] = fp
				at := begin + rng.Int64N(1000)
				for range n {
					at += 1 + rng.Int64N(2*int64(hours)*3600_000/int64(n))
					v := math.Round(rng.Float64() * 1000)
					if i%7 == 0 {
						v = rng.NormFloat64()
					}
					b.Sample(fp, at, 0, v)
				}
			}
		})
	}
	other := func() {
		f.insert(t, "other", func(_ *resourcestore.Batch, b *metricstore.Batch) { b.Sample(fps[0], begin+1, 0, 666) })
	}
	turns := 0
	check := func(stage string) {
		t.Helper()
		for _, r := range []samplestore.Range{
			{From: begin, To: begin + 24*3600_000},
			{From: begin + 3600_000, To: begin + 2*3600_000 - 1},
			{From: begin + 1_234_567, To: begin + 9_876_543},
			{From: begin - 3600_000, To: begin},
		} {
			r.Fingerprints = append([]uint64{99}, fps...)
			want := f.samplesOf(t, r)
			for i := range want {
				want[i].Start = nil
			}
			bits := gocmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
			for _, how := range []string{"not remembered", "perhaps remembered", "remembered"} {
				if d := gocmp.Diff(want, f.streamed(t, r), bits); d != "" {
					t.Errorf("%s, %s: [%d, %d]: %.1000s", stage, how, r.From-begin, r.To-begin, d)
				}
				r.As = f.Version(t.Context(), time.UnixMilli(r.From), time.UnixMilli(r.To))
			}
			got, ok := f.inTurn(t, r)
			if d := gocmp.Diff(want, got, bits); d != "" {
				t.Errorf("%s, in turn: [%d, %d]: %.1000s", stage, r.From-begin, r.To-begin, d)
			}
			if ok {
				turns++
			}
		}
	}
	pack := func(until time.Time) samplestore.Packed {
		t.Helper()
		p, err := f.Pack(t.Context(), noon.Add(-time.Hour), until)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}

	store(40, 4, fps)
	other()
	check("not packed")
	if p := pack(noon.Add(2*time.Hour + 30*time.Minute)); p.Packs < 2*250 || p.Samples < 10*300 || p.Bytes == 0 {
		t.Errorf("two hours: %+v", p)
	}
	check("two hours packed")
	if p := pack(noon.Add(36 * time.Hour)); p.Packs == 0 {
		t.Error("nothing else to pack")
	}
	check("all packed")
	if p := pack(noon.Add(36 * time.Hour)); p.Packs != 0 {
		t.Errorf("packed again: %+v", p)
	}
	store(3, 6, fps[:100])
	check("late samples")
	if p := pack(noon.Add(36 * time.Hour)); p.Packs == 0 {
		t.Error("late samples are not packed")
	}
	check("late samples packed")
	for _, table := range []string{"samples", "sample_packs"} {
		if err := f.db.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
	check("merged")
	if err := f.db.Exec(t.Context(), "TRUNCATE TABLE samples"); err != nil {
		t.Fatal(err)
	}
	check("no samples, only packs")
	if turns < 10 { // some samples have the time of others: their hours are never in memory
		t.Errorf("series came in turn %d times", turns)
	}
}

// What is remembered is read without a statement until something is inserted, and
// then only that day is read again.
func TestWhatIsRememberedIsNotRead(t *testing.T) {
	f := newFixture(t)
	f.Remember(1 << 20)
	begin := noon.UnixMilli()
	var fp uint64
	add := func(at int64) {
		f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
			fp = b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge}, at)
			b.Sample(fp, at, 0, 1)
		})
	}
	const day = 24 * 3600_000
	add(begin)
	add(begin + day)
	if _, err := f.Pack(t.Context(), noon, noon.Add(24*time.Hour)); err != nil { // the first day's
		t.Fatal(err)
	}
	var read []conn.Ran
	var mu sync.Mutex
	ctx := conn.Traced(t.Context(), func(r conn.Ran) {
		mu.Lock()
		defer mu.Unlock()
		read = append(read, r)
	})
	stream := func(want, statements int) {
		t.Helper()
		r := samplestore.Range{Fingerprints: []uint64{fp}, From: begin - 1, To: begin + day + 1, As: f.Version(t.Context(), noon, noon.Add(25*time.Hour))}
		n := 0
		read = nil
		if _, err := f.Stream(ctx, "default", r, func(s samplestore.Samples) error { n += len(s.Times); return nil }); err != nil {
			t.Fatal(err)
		}
		if n != want || len(read) != statements {
			t.Errorf("%d samples by %d statements, want %d by %d: %v", n, len(read), want, statements, read)
		}
	}
	stream(2, 2) // what there is and the pack; the chunk
	stream(2, 0)
	add(begin + day + 1)
	stream(3, 2)
	if strings.Contains(read[0].SQL, fmt.Sprint(begin/1000)) {
		t.Errorf("the day before is read again: %s", read[0].SQL)
	}
	stream(3, 0)
	if err := f.db.Exec(t.Context(), "ALTER TABLE samples DROP PARTITION ('"+noon.Format(time.DateOnly)+"', 30)"); err != nil {
		t.Fatal(err)
	}
	stream(2, 1)
}

// A pack that is interrupted, or run by two at once, leaves nothing wrong.
func TestPacksOfTwo(t *testing.T) {
	f := newFixture(t)
	begin := noon.UnixMilli()
	var fp uint64
	f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		fp = b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge}, begin)
		for i := range int64(100) {
			b.Sample(fp, begin+i*60_000, 0, float64(i))
		}
	})
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Pack(stopped, noon, noon.Add(24*time.Hour)); err == nil {
		t.Error("a context that has ended is no error")
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := f.Pack(t.Context(), noon, noon.Add(24*time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := f.streamed(t, samplestore.Range{Fingerprints: []uint64{fp}, From: begin, To: begin + 24*3600_000})
	if len(got) != 1 || len(got[0].Times) != 100 {
		t.Errorf("%d series", len(got))
	}
}
