package samplestore_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// noon is recent, since what is over its retention goes at the first merge, and
// far from midnight.
var noon = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(12 * time.Hour)

func num(key string, v int64) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.IntValue(v)}
}

// fixture is a database, a store on it and a batch to fill.
type fixture struct {
	*samplestore.Store
	db *conn.DB
	n  int
}

func newFixture(t *testing.T) *fixture {
	db := storagetest.DB(t)
	return &fixture{Store: samplestore.New(db), db: db}
}

// insert stores what fill adds to batches of its own.
func (f *fixture) insert(t *testing.T, id tenant.ID, fill func(res *resourcestore.Batch, b *metricstore.Batch)) {
	t.Helper()
	known := resourcestore.NewKnown(1000)
	res, b := resourcestore.NewBatch(id, 30, known), metricstore.NewBatch(id, 30, known)
	fill(res, b)
	blocks, err := res.Blocks(nil)
	if err == nil {
		blocks, err = b.Blocks(blocks)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		f.n++
		if err := f.db.Insert(t.Context(), blocks[i].Table, fmt.Sprint(f.n), blocks[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// samplesOf collects what samplestore.Samples passes on.
func (f *fixture) samplesOf(t *testing.T, r samplestore.Range) (list []samplestore.Samples) {
	t.Helper()
	if _, err := f.Samples(t.Context(), "default", r, func(s samplestore.Samples) error { list = append(list, s); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

// samplestore.Samples are what was sent, in order and once, however it was cut into batches
// and whether or not the parts have been merged.
func TestSamples(t *testing.T) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(1, 2))
	start := noon.UnixMilli()
	type point struct {
		at, start int64
		value     float64
	}
	sent := map[uint64]map[int64]point{}
	fps := make([]uint64, 20)
	stale := math.Float64frombits(0x7ff0000000000002)
	for batch := range 12 {
		f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
			for i := range fps {
				fps[i] = b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge, Attributes: []attribute.KeyValue{num("i", int64(i))}}, start)
				if sent[fps[i]] == nil {
					sent[fps[i]] = map[int64]point{}
				}
				for range 40 {
					p := point{at: start + rng.Int64N(4*3600_000), start: rng.Int64N(2) * start, value: rng.NormFloat64()}
					if rng.IntN(10) == 0 {
						p.value = stale
					}
					if _, repeated := sent[fps[i]][p.at]; repeated {
						continue
					}
					sent[fps[i]][p.at] = p
					b.Sample(fps[i], p.at, p.start, p.value)
					if rng.IntN(10) == 0 {
						b.Sample(fps[i], p.at, p.start, p.value) // sent twice
					}
				}
			}
		})
		if batch == 6 {
			if err := f.db.Exec(t.Context(), "OPTIMIZE TABLE samples FINAL"); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.insert(t, "other", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		b.Sample(fps[0], start+1, 0, 666)
	})
	check := func(from, to int64) {
		t.Helper()
		var got []samplestore.Samples = f.samplesOf(t, samplestore.Range{Fingerprints: append([]uint64{99, fps[3]}, fps...), From: from, To: to})
		var want []samplestore.Samples
		order := slices.Clone(fps)
		slices.Sort(order)
		for _, fp := range order {
			s := samplestore.Samples{Fingerprint: fp}
			for at := range sent[fp] {
				if at >= from && at <= to {
					s.Times = append(s.Times, at)
				}
			}
			slices.Sort(s.Times)
			for _, at := range s.Times {
				s.Start, s.Values = append(s.Start, sent[fp][at].start), append(s.Values, sent[fp][at].value)
			}
			if len(s.Times) > 0 {
				want = append(want, s)
			}
		}
		bits := gocmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if d := gocmp.Diff(want, got, bits); d != "" {
			t.Errorf("[%d, %d]: %d series, want %d; %.1000s", from-start, to-start, len(got), len(want), d)
		}
	}
	check(start, start+5*3600_000)
	check(start-3600_000, start-1)
	for range 5 {
		from := start + rng.Int64N(4*3600_000)
		check(from, from+rng.Int64N(2*3600_000))
	}
	some := f.samplesOf(t, samplestore.Range{Fingerprints: fps[:1], From: start, To: start + 5*3600_000})[0]
	check(some.Times[3], some.Times[3]) // both ends are inclusive

	count := 0
	for _, fp := range fps {
		count += len(sent[fp])
	}
	r := samplestore.Range{Fingerprints: fps, From: start, To: start + 5*3600_000, Limit: count / 2}
	var e *conn.Error
	if _, err := f.Samples(t.Context(), "default", r, func(samplestore.Samples) error { return nil }); !errors.As(err, &e) || e.Class != conn.Limit || e.Limit != "max_samples" {
		t.Errorf("over the limit: %v", err)
	}
	enough := errors.New("enough")
	if _, err := f.Samples(t.Context(), "default", samplestore.Range{Fingerprints: fps, From: start, To: start + 5*3600_000}, func(samplestore.Samples) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the receiver's error: %v", err)
	}
	if got := f.samplesOf(t, samplestore.Range{From: start, To: start + 1}); got != nil {
		t.Errorf("no series: %v", got)
	}
}

// Many series go in several statements, each with a list longer than a
// statement may be.
func TestSamplesOfManySeries(t *testing.T) {
	f := newFixture(t)
	const series = 2*10_000 + 100
	err := f.db.Exec(t.Context(), fmt.Sprintf("INSERT INTO samples (tenant, retention_days, fingerprint, hour, ts, start_ts, value) SELECT 'default', 30, 18446744073709551615 - number * 7, toDateTime(%d, 'UTC'), [%d], [0], [toFloat64(number)] FROM numbers(%d)", noon.Unix(), noon.UnixMilli(), series))
	if err != nil {
		t.Fatal(err)
	}
	var fps []uint64
	for i := range uint64(series) {
		fps = append(fps, math.MaxUint64-i*7)
	}
	got := f.samplesOf(t, samplestore.Range{Fingerprints: fps, From: noon.UnixMilli(), To: noon.UnixMilli()})
	if len(got) != series || !slices.IsSortedFunc(got, func(a, b samplestore.Samples) int {
		if a.Fingerprint < b.Fingerprint {
			return -1
		}
		return 1
	}) {
		t.Errorf("%d series of %d, or not in order", len(got), series)
	}
}

func TestHistograms(t *testing.T) {
	f := newFixture(t)
	at := noon.UnixMilli()
	explicit := histcol.Point{Start: at - 1000, Kind: histcol.KindExplicit, Flags: histcol.HasSum | histcol.HasMin, Count: 6, Sum: 1.5, Min: -1, Max: 0, Bounds: []float64{0.1, math.Inf(1)}, Counts: []uint64{1, 2, 3}}
	exponential := histcol.Point{Kind: histcol.KindExponential, Flags: histcol.HasSum | histcol.HasMax | histcol.NoRecordedValue, Count: math.MaxUint64, Sum: math.NaN(), Max: 9, Scale: -3, ZeroCount: 4, ZeroThreshold: 1e-9,
		PositiveOffset: -8, PositiveCounts: []uint64{1, 0, math.MaxUint64}, NegativeOffset: 7, NegativeCounts: []uint64{5}}
	var fps []uint64
	want := map[uint64][]histcol.Point{}
	for i := range 3 { // two batches overlap
		f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
			for k, p := range []histcol.Point{explicit, exponential} {
				fp := b.Series(&metricstore.Series{Name: "h", Type: metricstore.Histogram, Attributes: []attribute.KeyValue{num("k", int64(k))}}, at)
				for j := range 2 {
					p.Time = at + int64(i+j)*1000
					b.Histogram(fp, &p)
					if j == 1 || i == 0 {
						want[fp] = append(want[fp], p)
					}
				}
				if i == 0 {
					fps = append(fps, fp)
				}
			}
		})
	}
	read := func(r samplestore.Range) (map[uint64][]histcol.Point, error) {
		got := map[uint64][]histcol.Point{}
		_, err := f.Histograms(t.Context(), "default", r, func(h samplestore.Histograms) error { got[h.Fingerprint] = h.Points; return nil })
		return got, err
	}
	got, err := read(samplestore.Range{Fingerprints: fps, From: at, To: at + 3000})
	if d := gocmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" || err != nil {
		t.Errorf("%v (-sent +read):\n%s", err, d)
	}
	got, err = read(samplestore.Range{Fingerprints: fps[:1], From: at + 1000, To: at + 2000})
	if err != nil || len(got) != 1 || len(got[fps[0]]) != 2 {
		t.Errorf("a part: %v, %v", got, err)
	}
	var e *conn.Error
	if _, err := read(samplestore.Range{Fingerprints: fps, From: at, To: at + 3000, Limit: 3}); !errors.As(err, &e) || e.Limit != "max_histograms" {
		t.Errorf("over the limit: %v", err)
	}
}
