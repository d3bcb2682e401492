package rollupstore

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// monday is the day that samples are of.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// fixture is a database with rollups on it.
type fixture struct {
	*Store
	t    *testing.T
	sent int
}

// store stores a sample of a tenant's series each so often from a time on.
func (f *fixture) store(id tenant.ID, from time.Time, n int, every time.Duration) (fp uint64) {
	f.t.Helper()
	f.sent++
	b := metricstore.NewBatch(id, 10_000, resourcestore.NewKnown(10))
	fp = b.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge}, from.UnixMilli())
	for i := range n {
		b.Sample(fp, from.Add(time.Duration(i)*every).UnixMilli(), 0, 1)
	}
	blocks, err := b.Blocks(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, bl := range blocks {
		if err := f.db.Insert(f.t.Context(), bl.Table, fmt.Sprint("day", f.sent), []block.Block{bl}); err != nil {
			f.t.Fatal(err)
		}
	}
	return fp
}

// count reads how many samples a tenant's series has in two days, and how many of them had to be read.
func (f *fixture) count(id tenant.ID, fp uint64, remembered bool) (samples, thinned int) {
	f.t.Helper()
	r := samplestore.Range{Fingerprints: []uint64{fp}, From: monday.UnixMilli(), To: monday.UnixMilli() + 2*dayMillis - 1}
	if remembered {
		r.As = f.samples.Version(f.t.Context(), monday, monday.AddDate(0, 0, 1))
	}
	var mu sync.Mutex
	_, err := f.Read(f.t.Context(), id, r, Want{Aspect: samplerollup.Sum, Length: samplerollup.Hour, Whole: true}, Reading{
		Entries: func(got uint64, e *samplerollup.Entries) error {
			if got != fp {
				return fmt.Errorf("series %d was not asked for", got)
			}
			for _, n := range e.Counts {
				samples += int(n)
			}
			return nil
		},
		Samples: func(s samplestore.Samples) error { samples += len(s.Times); thinned += len(s.Times); return nil },
		Thinned: func(n int) error { mu.Lock(); thinned += n; mu.Unlock(); return nil },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return samples, thinned
}

// A rollup counts as long as it is of all samples; each tenant has its own; a day with few samples, or not over, has none.
func TestARollupIsOfAllSamples(t *testing.T) {
	db := storagetest.DB(t)
	samples := samplestore.New(db)
	samples.Remember(1 << 20)
	f := &fixture{Store: New(db, samples), t: t}
	a := f.store("a", monday, 2_000, 20*time.Second)
	b := f.store("b", monday, 1_000, 40*time.Second)
	few := f.store("few", monday, 100, time.Minute)
	f.store("a", monday.AddDate(0, 0, 1), 500, 20*time.Second) // the day under way
	roll := func(want int) {
		t.Helper()
		if did, err := f.Roll(t.Context(), monday, monday.Add(40*time.Hour)); err != nil || did.Days != want {
			t.Fatalf("rolled up %+v, %v; want %d days", did, err, want)
		}
	}
	check := func(stage string, id tenant.ID, fp uint64, all, read int) {
		t.Helper()
		if n, thinned := f.count(id, fp, false); n != all || thinned != read {
			t.Errorf("%s: tenant %s has %d samples, %d of them read; want %d, %d", stage, id, n, thinned, all, read)
		}
		for again := range 2 { // the second time all that is not read anyway is in memory
			n, thinned := f.count(id, fp, true)
			if most := map[bool]int{true: 0, false: read}[again == 1 && read < all]; n != all || thinned > most {
				t.Errorf("%s: tenant %s has %d samples, %d of them read; want %d, %d at most", stage, id, n, thinned, all, most)
			}
		}
	}
	check("none", "a", a, 2_500, 2_500)
	roll(2)
	check("rolled up", "a", a, 2_500, 500)
	check("rolled up", "b", b, 1_000, 0)
	check("rolled up", "few", few, 100, 100)
	f.store("a", monday.Add(7*time.Second), 3, time.Hour)
	check("late", "a", a, 2_503, 2_503)
	f.store("b", monday.AddDate(0, 0, 1), 10, time.Hour)
	check("late", "b", b, 1_010, 10)
	roll(1)
	check("anew", "a", a, 2_503, 500)
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE sample_rollups FINAL"); err != nil {
		t.Fatal(err)
	}
	check("merged", "a", a, 2_503, 500)
	if err := db.Exec(t.Context(), "ALTER TABLE samples DROP PARTITION ID '20260302-10000'"); err != nil {
		t.Fatal(err)
	}
	check("expired", "a", a, 500, 500)
}

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	day := uint32(monday.Unix() / 86_400)
	var b strings.Builder
	for _, c := range []struct{ name, sql string }{
		{"rollups", rollupSelect("default", day, day+3, Want{Aspect: samplerollup.Gain, Length: samplerollup.Hour}).SQL()},
		{"unrolled", unrolledSelect(monday).SQL()},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sql, Params: map[string]string{"fingerprints": "[1,18446744073709551615]"}}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}

func TestEachAspectHasAColumn(t *testing.T) {
	var all []string
	for a := range samplerollup.Aspects {
		all = append(all, columnOf(samplerollup.Aspect(a)).String())
	}
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != samplerollup.Aspects || all[0] == "" {
		t.Errorf("%q", all)
	}
}
