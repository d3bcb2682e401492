package metricstore_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

const hour = int64(3_600_000)

// staleNaN is how Prometheus marks the end of a series: a NaN like no other.
const staleNaN = 0x7ff0000000000002

type seriesRow struct {
	metricstore.Series
	Day, PromName string
	Labels        map[string]string
}

func storedSeries(t *testing.T, db *conn.DB) map[string]seriesRow {
	t.Helper()
	rows := map[string]seriesRow{}
	storagetest.Rows(t, db, `SELECT fingerprint, toString(day), metric_name, prom_name, toInt8(type), toInt8(temporality), monotonic, unit, description, labels, attributes, resource_id, scope_id FROM series`, func(r driver.Rows) error {
		var row seriesRow
		var fp uint64
		var typ, temporality int8
		var attrs string
		if err := r.Scan(&fp, &row.Day, &row.Name, &row.PromName, &typ, &temporality, &row.Monotonic, &row.Unit, &row.Description, &row.Labels, &attrs, &row.ResourceID, &row.ScopeID); err != nil {
			return err
		}
		row.Type, row.Temporality = metricstore.Type(typ), metricstore.Temporality(temporality)
		var err error
		row.Attributes, err = attribute.ParseJSON(attrs)
		rows[fmt.Sprint(fp, " ", row.Day)] = row
		return err
	})
	return rows
}

func TestSeriesAreKeptAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	odd := storagetest.OddAttributes()
	labels := map[string]string{}
	for _, kv := range odd {
		labels[kv.Key] = kv.Value.Text()
	}
	quantile := map[string]string{"quantile": "0.99"}
	now := time.Now().UTC()
	day, nextDay := now.Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly)
	counter := metricstore.Series{Name: "http.server.request.count", Unit: "{request}", Description: "what \x00 for", Type: metricstore.Sum, Temporality: metricstore.Delta,
		Monotonic: true, Attributes: odd, ResourceID: math.MaxUint64, ScopeID: 2}
	summary := metricstore.Series{Name: "rpc.time", Unit: "s", Type: metricstore.Summary, Quantile: "0.99"}
	batch := metricstore.NewBatch("default", 30, nil)
	one, two := batch.Series(&counter, now.UnixMilli()), batch.Series(&summary, now.UnixMilli())
	batch.Series(&counter, now.UnixMilli()) // a second point names it again
	batch.SeriesDay(&counter, one, now.AddDate(0, 0, 1).UnixMilli())
	storagetest.Insert(t, db, "once", batch)
	summary.Quantile = "" // is in the labels
	want := map[string]seriesRow{
		fmt.Sprint(one, " ", day):     {counter, day, "http_server_request_count_total", labels},
		fmt.Sprint(one, " ", nextDay): {counter, nextDay, "http_server_request_count_total", labels},
		fmt.Sprint(two, " ", day):     {summary, day, "rpc_time_seconds", quantile},
	}
	if d := cmp.Diff(want, storedSeries(t, db)); d != "" {
		t.Errorf("(-want +got):\n%.4000s", d)
	}
}

func TestSeriesIdentity(t *testing.T) {
	base := metricstore.Series{Name: "m", Unit: "s", Description: "d", Type: metricstore.Sum, Temporality: metricstore.Cumulative}
	batch := metricstore.NewBatch("default", 30, nil)
	seen := map[uint64]string{batch.Series(&base, 0): "base"}
	for name, change := range map[string]func(*metricstore.Series){
		"name":        func(s *metricstore.Series) { s.Name = "n" },
		"unit":        func(s *metricstore.Series) { s.Unit = "ms" },
		"type":        func(s *metricstore.Series) { s.Type = metricstore.Gauge },
		"temporality": func(s *metricstore.Series) { s.Temporality = metricstore.Delta },
		"monotonic":   func(s *metricstore.Series) { s.Monotonic = true },
		"quantile":    func(s *metricstore.Series) { s.Quantile = "0.5" },
		"resource":    func(s *metricstore.Series) { s.ResourceID = 1 },
		"scope":       func(s *metricstore.Series) { s.ScopeID = 1 },
		"attributes": func(s *metricstore.Series) {
			s.Attributes = []attribute.KeyValue{{Key: "a", Value: attribute.IntValue(1)}}
		},
	} {
		s := base
		change(&s)
		fp := batch.Series(&s, 0)
		if other, taken := seen[fp]; taken {
			t.Errorf("another %s makes the series of %s", name, other)
		}
		seen[fp] = name
	}
	described := base
	described.Description = "better words"
	if seen[batch.Series(&described, 0)] != "base" {
		t.Error("another description makes another series")
	}
}

type chunk struct {
	Fingerprint uint64
	Hour        uint32
	TS, Start   []int64
	Bits        []uint64 // of the values: a NaN is not just a NaN
}

func chunks(t *testing.T, db *conn.DB) (list []chunk) {
	t.Helper()
	storagetest.Rows(t, db, "SELECT fingerprint, toUnixTimestamp(hour), ts, start_ts, arrayMap(v -> reinterpretAsUInt64(v), value) FROM samples ORDER BY fingerprint, hour", func(r driver.Rows) error {
		var c chunk
		err := r.Scan(&c.Fingerprint, &c.Hour, &c.TS, &c.Start, &c.Bits)
		list = append(list, c)
		return err
	})
	return list
}

func bits(values ...float64) (list []uint64) {
	for _, v := range values {
		list = append(list, math.Float64bits(v))
	}
	return list
}

func TestSamplesAreARowASeriesAndHour(t *testing.T) {
	db := storagetest.DB(t)
	at := time.Now().UnixMilli() / hour * hour
	sec := uint32(at / 1000)
	stale := math.Float64frombits(staleNaN)
	batch := metricstore.NewBatch("default", 30, nil)
	batch.Sample(9, at, 0, 1)
	batch.Sample(3, at+10, at-5, math.Copysign(0, -1))
	batch.Sample(9, at+hour, 0, 2)
	batch.Sample(3, at+5, at-5, stale) // late, and as sent
	batch.Sample(3, at+5, at-5, math.Inf(1))
	batch.Sample(9, at+hour-1, 0, math.NaN())
	if batch.Rows() != 6 {
		t.Errorf("Rows() = %d, want 6", batch.Rows())
	}
	if _, err := batch.Blocks(nil); err != nil { // asking twice changes nothing
		t.Fatal(err)
	}
	storagetest.Insert(t, db, "first", batch)
	want := []chunk{
		{3, sec, []int64{at + 10, at + 5, at + 5}, []int64{at - 5, at - 5, at - 5}, bits(math.Copysign(0, -1), stale, math.Inf(1))},
		{9, sec, []int64{at, at + hour - 1}, []int64{0, 0}, bits(1, math.NaN())},
		{9, sec + 3600, []int64{at + hour}, []int64{0}, bits(2)},
	}
	if d := cmp.Diff(want, chunks(t, db)); d != "" {
		t.Errorf("one batch (-want +got):\n%s", d)
	}

	// Merges append: that is how rows become an hour.
	batch.Reset()
	batch.Sample(9, at+2, 7, 3)
	storagetest.Insert(t, db, "second", batch)
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE samples FINAL"); err != nil {
		t.Fatal(err)
	}
	want[1].TS, want[1].Start, want[1].Bits = append(want[1].TS, at+2), append(want[1].Start, 7), append(want[1].Bits, bits(3)...)
	if d := cmp.Diff(want, chunks(t, db)); d != "" {
		t.Errorf("two batches, merged (-want +got):\n%s", d)
	}
}

// Times that an hour cannot be told of stay what they are, in the first or the
// last hour there is.
func TestHoursDoNotWrap(t *testing.T) {
	db := storagetest.DB(t)
	if err := db.Exec(t.Context(), "ALTER TABLE samples REMOVE TTL"); err != nil {
		t.Fatal(err)
	}
	batch := metricstore.NewBatch("default", 30, nil)
	for i, ts := range []int64{-1, math.MinInt64, 1 << 50, math.MaxInt64} {
		batch.Sample(uint64(i), ts, 0, 1)
	}
	storagetest.Insert(t, db, "once", batch)
	const last = math.MaxUint32 / 3600 * 3600
	want := []chunk{{0, 0, []int64{-1}, []int64{0}, bits(1)}, {1, 0, []int64{math.MinInt64}, []int64{0}, bits(1)},
		{2, last, []int64{1 << 50}, []int64{0}, bits(1)}, {3, last, []int64{math.MaxInt64}, []int64{0}, bits(1)}}
	if d := cmp.Diff(want, chunks(t, db)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// odd is a number of the kinds that sums are: whole, of few decimals, a little beside such a one, any.
func odd(rng *rand.Rand) float64 {
	switch rng.IntN(4) {
	case 0:
		return float64(rng.Int64N(1 << 40))
	case 1:
		return float64(rng.Int64N(1<<30)) * 0.08
	case 2:
		return float64(rng.Int64N(1<<40))/1e9 + 1e-9 + 3e-9
	}
	return math.Float64frombits(rng.Uint64())
}

var sameBits = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func TestHistogramsAndExemplarsAreKeptAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now().UnixMilli()
	want := []histcol.Point{
		{Time: now, Kind: histcol.KindExplicit},
		{Time: now + 1, Start: now - 5, Kind: histcol.KindExplicit, Flags: histcol.HasSum | histcol.HasMin | histcol.HasMax, Count: math.MaxUint64, Sum: -1.5, Min: math.Inf(-1), Max: math.Inf(1),
			Bounds: []float64{-1, 0, 2.5}, Counts: []uint64{0, 1, math.MaxUint64, 3}},
		{Time: now + 2, Kind: histcol.KindExponential, Scale: -10, ZeroCount: 4, ZeroThreshold: 1e-9, PositiveOffset: math.MinInt32, PositiveCounts: []uint64{1, 0, 2},
			NegativeOffset: math.MaxInt32, NegativeCounts: []uint64{7}},
		{Time: now + 3, Kind: histcol.KindExplicit, Flags: histcol.NoRecordedValue},
		{Time: now + 4, Kind: histcol.KindExplicit, Flags: histcol.FloatCounts, Count: math.Float64bits(1.5), Bounds: []float64{1}, Counts: []uint64{math.Float64bits(0.5), math.Float64bits(1)}},
		{Time: now + 5, Kind: histcol.KindExplicit, Count: 7, Counts: []uint64{7}},
		{Time: now + 6, Kind: histcol.KindExplicit, Sum: math.NaN(), Bounds: make([]float64, 15), Counts: make([]uint64, 16)},
		{Time: now + 7, Kind: histcol.KindExplicit, Sum: math.Copysign(0, -1), Bounds: make([]float64, 16), Counts: make([]uint64, 17)},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		p := histcol.Point{Time: now + 10 + int64(i), Kind: histcol.KindExplicit, Flags: histcol.HasSum, Sum: odd(rng), Counts: make([]uint64, 1+rng.IntN(30))}
		for k := range p.Counts {
			p.Counts[k] = rng.Uint64() >> rng.IntN(65)
			p.Count += p.Counts[k]
		}
		for k := range len(p.Counts) - 1 {
			p.Bounds = append(p.Bounds, float64(k)+rng.Float64())
		}
		want = append(want, p)
	}
	exemplar := metricstore.Exemplar{Time: now*1e6 + 789, TraceID: [16]byte{1, 15: 2}, SpanID: [8]byte{3}, Value: math.Copysign(0, -1), Attributes: storagetest.OddAttributes()}
	batch := metricstore.NewBatch("default", 30, nil)
	for i := range want {
		batch.Histogram(math.MaxUint64, &want[i])
	}
	batch.Exemplar(5, "http.duration", &exemplar)
	storagetest.Insert(t, db, "once", batch)

	var got []histcol.Point
	points := chsql.Select{Columns: histcol.Select(), From: chsql.Table("histograms"), OrderBy: []chsql.Order{chsql.Asc(chsql.Col("time"))}}
	storagetest.Rows(t, db, points.SQL(), func(r driver.Rows) error {
		_, h, err := histcol.Scan(r)
		got = append(got, h)
		return err
	})
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), sameBits); d != "" {
		t.Errorf("histograms (-want +got):\n%s", d)
	}
	got = got[:0] // as people see them
	storagetest.Rows(t, db, "SELECT point_count, point_sum, point_counts FROM histograms ORDER BY time", func(r driver.Rows) error {
		h := want[len(got)]
		err := r.Scan(&h.Count, &h.Sum, &h.Counts)
		got = append(got, h)
		return err
	})
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), sameBits); d != "" {
		t.Errorf("columns for people (-want +got):\n%s", d)
	}
	storagetest.Rows(t, db, "SELECT toUnixTimestamp64Nano(time), trace_id, span_id, fingerprint, metric_name, value, attributes FROM exemplars", func(r driver.Rows) error {
		var e metricstore.Exemplar
		var trace, span, metric, attrs string
		var fp uint64
		if err := r.Scan(&e.Time, &trace, &span, &fp, &metric, &e.Value, &attrs); err != nil {
			return err
		}
		copy(e.TraceID[:], trace)
		copy(e.SpanID[:], span)
		var err error
		e.Attributes, err = attribute.ParseJSON(attrs)
		if d := cmp.Diff(exemplar, e); d != "" || fp != 5 || metric != "http.duration" || !math.Signbit(e.Value) {
			t.Errorf("exemplar of %d %q (-want +got):\n%.2000s", fp, metric, d)
		}
		return err
	})
}

func full() *metricstore.Batch {
	now := time.Now().UnixMilli()
	batch := metricstore.NewBatch("default", 30, nil)
	fp := batch.Series(&metricstore.Series{Name: "m", Type: metricstore.Gauge}, now)
	for i := range int64(5) {
		batch.Sample(fp, now+i, 0, 1)
	}
	batch.Histogram(fp, &histcol.Point{Time: now, Kind: histcol.KindExplicit})
	batch.Exemplar(fp, "m", &metricstore.Exemplar{Time: now * 1e6})
	return batch
}

func TestRepeatedInsertAddsNothing(t *testing.T) {
	db := storagetest.DB(t)
	batch := full()
	for range 3 {
		storagetest.Insert(t, db, "segment-7", batch)
	}
	for sql, want := range map[string]uint64{
		"SELECT count() FROM series": 1, "SELECT sum(length(ts)) FROM samples": 5, "SELECT sum(length(value)) FROM samples": 5,
		"SELECT count() FROM histograms": 1, "SELECT count() FROM exemplars": 1,
	} {
		if n := storagetest.Count(t, db, sql); n != want {
			t.Errorf("%s = %d, want %d", sql, n, want)
		}
	}
}

func TestEmptyBatchHasNoBlocks(t *testing.T) {
	batch := metricstore.NewBatch("default", 30, nil)
	if blocks, err := batch.Blocks([]block.Block{{}}); err != nil || len(blocks) != 1 {
		t.Errorf("new: %d more blocks, %v", len(blocks)-1, err)
	}
	batch = full()
	batch.Reset()
	if blocks, err := batch.Blocks(nil); err != nil || len(blocks) != 0 || batch.Rows() != 0 {
		t.Errorf("after Reset: %d blocks, %d rows, %v", len(blocks), batch.Rows(), err)
	}
}

func TestKnownSeriesAreLeftOut(t *testing.T) {
	known := resourcestore.NewKnown(100)
	s := metricstore.Series{Name: "m", Type: metricstore.Gauge}
	const noon = 20_000*86_400_000 + 43_200_000
	has := func(name string, tsMillis int64) bool {
		t.Helper()
		s := s
		s.Name = name
		batch := metricstore.NewBatch("default", 30, known)
		batch.Sample(batch.Series(&s, tsMillis), tsMillis, 0, 1)
		blocks, err := batch.Blocks(nil)
		if err != nil {
			t.Fatal(err)
		}
		return blocks[0].Table == metricstore.TableSeries
	}
	batch := metricstore.NewBatch("default", 30, known)
	batch.Series(&s, noon)
	if !has("m", noon) {
		t.Error("a series is taken for stored before it is")
	}
	batch.MarkStored()
	if has("m", noon) || has("m", noon+hour) {
		t.Error("a stored series is sent again")
	}
	if !has("m", noon+12*hour) || !has("m", noon-13*hour) || !has("n", noon) {
		t.Error("another day or another series counts as stored")
	}
}

func TestBatchKeepsNothingOfTheBuffer(t *testing.T) {
	db := storagetest.DB(t)
	var buffer storagetest.Buffer
	now := time.Now()
	kvs := []attribute.KeyValue{{Key: "k", Value: attribute.StringValue("v")}, {Key: "raw", Value: attribute.BytesValue("b")}}
	batch := metricstore.NewBatch("default", 30, nil)
	fp := batch.Series(&metricstore.Series{Name: buffer.String("m"), Unit: buffer.String("s"), Description: buffer.String("d"), Type: metricstore.Gauge,
		Attributes: buffer.Attributes(kvs), Quantile: buffer.String("0.5")}, now.UnixMilli())
	batch.Exemplar(fp, buffer.String("m"), &metricstore.Exemplar{Time: now.UnixNano(), Attributes: buffer.Attributes(kvs)})
	buffer.Overwrite()
	storagetest.Insert(t, db, "once", batch)
	day := now.UTC().Format(time.DateOnly)
	want := seriesRow{metricstore.Series{Name: "m", Unit: "s", Description: "d", Type: metricstore.Gauge, Attributes: kvs}, day, "m_seconds",
		map[string]string{"k": "v", "raw": "Yg==", "quantile": "0.5"}}
	if d := cmp.Diff(want, storedSeries(t, db)[fmt.Sprint(fp, " ", day)]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := storagetest.Count(t, db, "SELECT count() FROM exemplars WHERE metric_name = 'm' AND attributes NOT LIKE '%#%'"); n != 1 {
		t.Error("the exemplar holds what came later in the buffer")
	}
}

func TestHistogramsOfBeforeAreReadAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	err := db.Exec(t.Context(), "INSERT INTO histograms (tenant, retention_days, fingerprint, time, kind, flags, count, sum, bounds, counts) VALUES ('default', 30, 1, now64(3), 1, 1, 6, 2.5, [1, 2], [1, 2, 3])")
	if err != nil {
		t.Fatal(err)
	}
	points := chsql.Select{Columns: histcol.Select(), From: chsql.Table("histograms")}
	storagetest.Rows(t, db, points.SQL(), func(r driver.Rows) error {
		_, got, err := histcol.Scan(r)
		got.Time = 0
		want := histcol.Point{Kind: histcol.KindExplicit, Flags: histcol.HasSum, Count: 6, Sum: 2.5, Bounds: []float64{1, 2}, Counts: []uint64{1, 2, 3}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		return err
	})
}
