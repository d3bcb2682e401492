package metricstore

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

// noon is recent, since what is over its retention goes at the first merge, and
// far from midnight.
var noon = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(12 * time.Hour)

func str(key, v string) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.StringValue(v)}
}

func num(key string, v int64) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.IntValue(v)}
}

// fixture is a database, a store on it and a batch to fill.
type fixture struct {
	*Store
	db *conn.DB
	n  int
}

func newFixture(t *testing.T) *fixture {
	db := storagetest.DB(t)
	return &fixture{Store: New(db, resourcestore.New(db)), db: db}
}

// insert stores what fill adds to batches of its own.
func (f *fixture) insert(t *testing.T, id tenant.ID, fill func(res *resourcestore.Batch, b *Batch)) {
	t.Helper()
	known := resourcestore.NewKnown(1000)
	res, b := resourcestore.NewBatch(id, 30, known), NewBatch(id, 30, known)
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

func resource(attrs ...attribute.KeyValue) *resourcestore.Resource {
	return &resourcestore.Resource{Attributes: attrs}
}

func TestSeries(t *testing.T) {
	f := newFixture(t)
	at := noon.UnixMilli()
	requests := func(res uint64, attrs ...attribute.KeyValue) *Series {
		return &Series{Name: "http.server.requests", Unit: "1", Description: "how many", Type: Sum, Temporality: Cumulative, Monotonic: true, Attributes: attrs, ResourceID: res, ScopeID: 5}
	}
	names := map[uint64]string{}
	f.insert(t, "default", func(res *resourcestore.Batch, b *Batch) {
		cart, _ := res.Resource(noon, resource(str("service.name", "cart"), str("service.namespace", "shop"), str("service.instance.id", "i-1"), str("k8s.pod.name", "cart-0")))
		pay, _ := res.Resource(noon, resource(str("service.name", "pay"), num("k8s.replica", 3)))
		names[b.Series(requests(cart, str("http.method", "GET"), num("status", 200)), at)] = "cart-get"
		names[b.Series(requests(cart, str("http_method", "PO'ST")), at)] = "cart-post"
		names[b.Series(requests(pay, str("http.method", "GET"), attribute.KeyValue{Key: "ok", Value: attribute.BoolValue(true)}), at)] = "pay-get"
		names[b.Series(&Series{Name: "memory", Unit: "By", Type: Gauge, ResourceID: pay}, at)] = "mem"
		old := &Series{Name: "memory", Unit: "By", Type: Gauge, Description: "older", ResourceID: cart}
		names[b.Series(old, at-2*24*3600_000)] = "mem-before"
		s := requests(pay, str("http.method", "GET"), attribute.KeyValue{Key: "ok", Value: attribute.BoolValue(true)})
		b.SeriesDay(s, b.Series(s, at), at+24*3600_000)
	})
	f.insert(t, "other", func(res *resourcestore.Batch, b *Batch) {
		names[b.Series(requests(1, str("http.method", "GET")), at)] = "secret"
	})

	eq := func(key, v string) attrcol.Matcher { return attrcol.Matcher{Key: key, Value: v} }
	for _, c := range []struct {
		name string
		sel  Selector
		want string
	}{
		{"all of the day", Selector{}, "cart-get cart-post mem pay-get"},
		{"dotted name", Selector{Names: []string{"http.server.requests"}}, "cart-get cart-post pay-get"},
		{"Prometheus name", Selector{Names: []string{"http_server_requests_total"}}, "cart-get cart-post pay-get"},
		{"names", Selector{Names: []string{"memory_bytes", "nope' OR 1=1 --"}}, "mem"},
		{"name pattern", Selector{NameRegexp: "http.*total|nope"}, "cart-get cart-post pay-get"},
		{"name pattern is anchored", Selector{NameRegexp: "emory"}, ""},
		{"dotted label", Selector{Matchers: []attrcol.Matcher{eq("http.method", "GET")}}, "cart-get pay-get"},
		{"underscore label", Selector{Matchers: []attrcol.Matcher{eq("http_method", "GET")}}, "cart-get pay-get"},
		{"sent with underscore", Selector{Matchers: []attrcol.Matcher{eq("http.method", "PO'ST")}}, "cart-post"},
		{"number", Selector{Matchers: []attrcol.Matcher{eq("status", "200")}}, "cart-get"},
		{"boolean", Selector{Matchers: []attrcol.Matcher{eq("ok", "true")}}, "pay-get"},
		{"pattern", Selector{Matchers: []attrcol.Matcher{{Key: "http_method", Op: attrcol.Regexp, Value: "G.*|X"}}}, "cart-get pay-get"},
		{"present", Selector{Matchers: []attrcol.Matcher{{Key: "status", Op: attrcol.NotEqual}}}, "cart-get"},
		{"left to the reader", Selector{Matchers: []attrcol.Matcher{{Key: "status", Op: attrcol.NotEqual, Value: "200"}}}, "cart-get cart-post mem pay-get"},
		{"job", Selector{Matchers: []attrcol.Matcher{eq("job", "shop/cart")}}, "cart-get cart-post"},
		{"job without namespace", Selector{Matchers: []attrcol.Matcher{eq("job", "pay")}}, "mem pay-get"},
		{"instance", Selector{Matchers: []attrcol.Matcher{eq("instance", "i-1")}}, "cart-get cart-post"},
		{"service", Selector{Matchers: []attrcol.Matcher{eq("service.name", "pay")}}, "mem pay-get"},
		{"resource attribute", Selector{Matchers: []attrcol.Matcher{eq("k8s_pod_name", "cart-0")}}, "cart-get cart-post"},
		{"resource number", Selector{Matchers: []attrcol.Matcher{eq("k8s.replica", "3")}}, "mem pay-get"},
		{"both", Selector{Names: []string{"http_server_requests_total"}, Matchers: []attrcol.Matcher{eq("job", "pay"), eq("http_method", "GET")}}, "pay-get"},
		{"none", Selector{Matchers: []attrcol.Matcher{eq("http_method`') OR 1=1 --", "') OR 1=1 --")}}, ""},
	} {
		rows, err := f.Series(t.Context(), "default", noon, noon.Add(time.Hour), c.sel)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, r := range rows {
			got = append(got, names[r.Fingerprint])
			if r.Resource.Service == "" {
				t.Errorf("%s: %s has no resource", c.name, names[r.Fingerprint])
			}
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}

	rows, err := f.Series(t.Context(), "default", noon, noon, Selector{Matchers: []attrcol.Matcher{eq("status", "200")}})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	r := rows[0]
	attrs, err := r.Attributes()
	if d := gocmp.Diff([]attribute.KeyValue{str("http.method", "GET"), num("status", 200)}, attrs); d != "" || err != nil {
		t.Errorf("attributes: %v\n%s", err, d)
	}
	want := SeriesRow{Fingerprint: r.Fingerprint, Name: "http.server.requests", PromName: "http_server_requests_total", Type: Sum, Temporality: Cumulative, Monotonic: true, Unit: "1", Description: "how many",
		Labels: map[string]string{"http.method": "GET", "status": "200"}, Resource: r.Resource, ScopeID: 5}
	if d := gocmp.Diff(want, r, cmpopts.IgnoreUnexported(SeriesRow{})); d != "" || r.Resource.Namespace != "shop" {
		t.Errorf("row (-want +got):\n%s", d)
	}

	_, err = f.Series(t.Context(), "default", noon, noon, Selector{Limit: 3})
	var e *conn.Error
	if !errors.As(err, &e) || e.Class != conn.Limit || e.Limit != "max_series" {
		t.Errorf("four series, limit 3: %v", err)
	}
	if rows, err := f.Series(t.Context(), "default", noon, noon, Selector{Limit: 4}); err != nil || len(rows) != 4 {
		t.Errorf("four series, limit 4: %d, %v", len(rows), err)
	}
	var bad *attrcol.MatcherError
	for _, sel := range []Selector{{NameRegexp: "("}, {Matchers: []attrcol.Matcher{{Key: "a", Op: attrcol.Regexp, Value: "("}}}} {
		if _, err := f.Series(t.Context(), "default", noon, noon, sel); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", sel, err)
		}
	}

	meta, err := f.Metadata(t.Context(), "default", noon.AddDate(0, 0, -2), noon, "", 0)
	wantMeta := []Metadata{
		{Name: "http.server.requests", PromName: "http_server_requests_total", Type: Sum, Temporality: Cumulative, Monotonic: true, Unit: "1", Description: "how many"},
		{Name: "memory", PromName: "memory_bytes", Type: Gauge, Unit: "By"},
	}
	if d := gocmp.Diff(wantMeta, meta); d != "" || err != nil {
		t.Errorf("metadata: %v\n%s", err, d)
	}
	if meta, err := f.Metadata(t.Context(), "default", noon, noon, "memory_bytes", 0); err != nil || len(meta) != 1 || meta[0].Name != "memory" {
		t.Errorf("metadata of a name: %+v, %v", meta, err)
	}
	if _, err := f.Metadata(t.Context(), "default", noon, noon, "", 1); conn.ClassOf(err) != conn.Limit {
		t.Errorf("two metrics, limit 1: %v", err)
	}
	if n, err := f.LabelNames(t.Context(), "default", noon, noon, Selector{}); err != nil || strings.Join(n.Values, " ") != "http.method http_method ok status" {
		t.Errorf("label names %q, %v", n.Values, err)
	}
	if n, err := f.LabelNames(t.Context(), "default", noon, noon, Selector{Matchers: []attrcol.Matcher{eq("job", "pay")}, Limit: 1}); err != nil || strings.Join(n.Values, " ") != "http.method" || !n.Truncated {
		t.Errorf("one label name %+v, %v", n, err)
	}
	if n, err := f.LabelValues(t.Context(), "default", "http_method", noon, noon, Selector{}); err != nil || strings.Join(n.Values, " ") != "GET PO'ST" || n.Truncated {
		t.Errorf("label values %+v, %v", n, err)
	}
}

// samplesOf collects what Samples passes on.
func (f *fixture) samplesOf(t *testing.T, r Range) (list []Samples) {
	t.Helper()
	if _, err := f.Samples(t.Context(), "default", r, func(s Samples) error { list = append(list, s); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

// Samples are what was sent, in order and once, however it was cut into batches
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
		f.insert(t, "default", func(_ *resourcestore.Batch, b *Batch) {
			for i := range fps {
				fps[i] = b.Series(&Series{Name: "m", Type: Gauge, Attributes: []attribute.KeyValue{num("i", int64(i))}}, start)
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
	f.insert(t, "other", func(_ *resourcestore.Batch, b *Batch) {
		b.Sample(fps[0], start+1, 0, 666)
	})
	check := func(from, to int64) {
		t.Helper()
		var got []Samples = f.samplesOf(t, Range{Fingerprints: append([]uint64{99, fps[3]}, fps...), From: from, To: to})
		var want []Samples
		order := slices.Clone(fps)
		slices.Sort(order)
		for _, fp := range order {
			s := Samples{Fingerprint: fp}
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
	some := f.samplesOf(t, Range{Fingerprints: fps[:1], From: start, To: start + 5*3600_000})[0]
	check(some.Times[3], some.Times[3]) // both ends are inclusive

	count := 0
	for _, fp := range fps {
		count += len(sent[fp])
	}
	r := Range{Fingerprints: fps, From: start, To: start + 5*3600_000, Limit: count / 2}
	var e *conn.Error
	if _, err := f.Samples(t.Context(), "default", r, func(Samples) error { return nil }); !errors.As(err, &e) || e.Class != conn.Limit || e.Limit != "max_samples" {
		t.Errorf("over the limit: %v", err)
	}
	enough := errors.New("enough")
	if _, err := f.Samples(t.Context(), "default", Range{Fingerprints: fps, From: start, To: start + 5*3600_000}, func(Samples) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the receiver's error: %v", err)
	}
	if got := f.samplesOf(t, Range{From: start, To: start + 1}); got != nil {
		t.Errorf("no series: %v", got)
	}
}

// Many series go in several statements, each with a list longer than a
// statement may be.
func TestSamplesOfManySeries(t *testing.T) {
	f := newFixture(t)
	const series = batch*2 + 100
	err := f.db.Exec(t.Context(), fmt.Sprintf("INSERT INTO samples (tenant, retention_days, fingerprint, hour, ts, start_ts, value) SELECT 'default', 30, 18446744073709551615 - number * 7, toDateTime(%d, 'UTC'), [%d], [0], [toFloat64(number)] FROM numbers(%d)", noon.Unix(), noon.UnixMilli(), series))
	if err != nil {
		t.Fatal(err)
	}
	var fps []uint64
	for i := range uint64(series) {
		fps = append(fps, math.MaxUint64-i*7)
	}
	got := f.samplesOf(t, Range{Fingerprints: fps, From: noon.UnixMilli(), To: noon.UnixMilli()})
	if len(got) != series || !slices.IsSortedFunc(got, func(a, b Samples) int {
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
	explicit := HistogramPoint{Start: at - 1000, Kind: KindExplicit, Flags: HasSum | HasMin, Count: 6, Sum: 1.5, Min: -1, Max: 0, Bounds: []float64{0.1, math.Inf(1)}, Counts: []uint64{1, 2, 3}}
	exponential := HistogramPoint{Kind: KindExponential, Flags: HasSum | HasMax | NoRecordedValue, Count: math.MaxUint64, Sum: math.NaN(), Max: 9, Scale: -3, ZeroCount: 4, ZeroThreshold: 1e-9,
		PositiveOffset: -8, PositiveCounts: []uint64{1, 0, math.MaxUint64}, NegativeOffset: 7, NegativeCounts: []uint64{5}}
	var fps []uint64
	want := map[uint64][]HistogramPoint{}
	for i := range 3 { // two batches overlap
		f.insert(t, "default", func(_ *resourcestore.Batch, b *Batch) {
			for k, p := range []HistogramPoint{explicit, exponential} {
				fp := b.Series(&Series{Name: "h", Type: Histogram, Attributes: []attribute.KeyValue{num("k", int64(k))}}, at)
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
	read := func(r Range) (map[uint64][]HistogramPoint, error) {
		got := map[uint64][]HistogramPoint{}
		_, err := f.Histograms(t.Context(), "default", r, func(h Histograms) error { got[h.Fingerprint] = h.Points; return nil })
		return got, err
	}
	got, err := read(Range{Fingerprints: fps, From: at, To: at + 3000})
	if d := gocmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" || err != nil {
		t.Errorf("%v (-sent +read):\n%s", err, d)
	}
	got, err = read(Range{Fingerprints: fps[:1], From: at + 1000, To: at + 2000})
	if err != nil || len(got) != 1 || len(got[fps[0]]) != 2 {
		t.Errorf("a part: %v, %v", got, err)
	}
	var e *conn.Error
	if _, err := read(Range{Fingerprints: fps, From: at, To: at + 3000, Limit: 3}); !errors.As(err, &e) || e.Limit != "max_histograms" {
		t.Errorf("over the limit: %v", err)
	}
}

func TestMetadataObservedLastIsTrueWhateverIsStoredLast(t *testing.T) {
	f := newFixture(t)
	send := func(description string, observed time.Duration, typ Type) (fp uint64) {
		f.insert(t, "default", func(_ *resourcestore.Batch, b *Batch) {
			fp = b.Series(&Series{Name: "jobs_total", PromName: "jobs_total", Type: typ, Description: description, Observed: noon.Add(observed).UnixMilli()}, noon.UnixMilli())
		})
		return fp
	}
	fp := send("of today", time.Hour, Sum)
	for _, late := range []string{"of this morning", "of last night"} { // segments of the log that were held up
		if other := send(late, 0, Gauge); other != fp {
			t.Fatalf("metadata tells series apart: %d, %d", fp, other)
		}
	}
	for _, merged := range []bool{false, true} {
		if merged {
			if err := f.db.Exec(t.Context(), "OPTIMIZE TABLE series FINAL"); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := f.Series(t.Context(), "default", noon, noon, Selector{Names: []string{"jobs_total"}})
		if err != nil || len(rows) != 1 || rows[0].Description != "of today" || rows[0].Type != Sum {
			t.Errorf("merged %v: %+v, %v", merged, rows, err)
		}
		index, err := f.Index(t.Context(), "default", noon, noon, Selector{Names: []string{"jobs_total"}})
		if err != nil || len(index) != 1 || index[0].Type != Sum {
			t.Errorf("merged %v: index: %+v, %v", merged, index, err)
		}
	}
}

func TestExemplars(t *testing.T) {
	f := newFixture(t)
	at := noon.UnixNano()
	trace, other := [16]byte{0xff, '\''}, [16]byte{2}
	var fps []uint64
	var sent []Exemplar
	for i := range 4 {
		sent = append(sent, Exemplar{Time: at + int64(i), TraceID: trace, SpanID: [8]byte{byte(i)}, Value: float64(i) / 3, Attributes: []attribute.KeyValue{num("user.id", int64(i))}})
	}
	f.insert(t, "default", func(res *resourcestore.Batch, b *Batch) {
		cart, _ := res.Resource(noon, resource(str("service.name", "cart")))
		for _, name := range []string{"latency", "it's"} {
			fps = append(fps, b.Series(&Series{Name: name, Type: Histogram, Attributes: []attribute.KeyValue{str("route", "/")}, ResourceID: cart}, noon.UnixMilli()))
		}
		for i := range sent {
			b.Exemplar(fps[i%2], []string{"latency", "it's"}[i%2], &sent[3-i])
		}
		b.Exemplar(fps[0], "latency", &Exemplar{Time: at, TraceID: other})
		b.Exemplar(12345, "gone", &Exemplar{Time: at + 10, TraceID: other})
	})
	f.insert(t, "other", func(_ *resourcestore.Batch, b *Batch) {
		b.Exemplar(fps[0], "latency", &Exemplar{Time: at, TraceID: trace, Value: 666})
	})

	list, err := f.TraceExemplars(t.Context(), "default", trace, time.Time{}, time.Time{}, 0)
	if err != nil || len(list.Rows) != 4 || list.Truncated {
		t.Fatalf("%d exemplars, truncated %v, %v", len(list.Rows), list.Truncated, err)
	}
	for i, r := range list.Rows {
		if d := gocmp.Diff(sent[i], r.Exemplar); d != "" {
			t.Errorf("exemplar %d (-sent +read):\n%s", i, d)
		}
		if r.Series == nil || r.Series.Name != r.Metric || r.Series.Labels["route"] != "/" || r.Series.Resource.Service != "cart" || r.Series.Fingerprint != r.Fingerprint {
			t.Errorf("exemplar %d of %s: series %+v", i, r.Metric, r.Series)
		}
	}
	if list, err := f.TraceExemplars(t.Context(), "default", trace, time.Unix(0, at+1), time.Unix(0, at+3), 0); err != nil || len(list.Rows) != 2 || list.Rows[0].Time != at+1 {
		t.Errorf("a part: %+v, %v", list.Rows, err)
	}
	if list, err := f.TraceExemplars(t.Context(), "default", trace, time.Time{}, time.Time{}, 3); err != nil || len(list.Rows) != 3 || !list.Truncated {
		t.Errorf("three: %d, %v, %v", len(list.Rows), list.Truncated, err)
	}
	if list, err := f.TraceExemplars(t.Context(), "default", other, time.Time{}, time.Time{}, 0); err != nil || len(list.Rows) != 2 || list.Rows[1].Series != nil {
		t.Errorf("series that is not stored: %+v, %v", list.Rows, err)
	}
	bySeries, err := f.Exemplars(t.Context(), "default", Range{Fingerprints: fps[1:], From: noon.UnixMilli(), To: noon.UnixMilli()})
	if err != nil || len(bySeries.Rows) != 2 || bySeries.Rows[0].Metric != "it's" {
		t.Errorf("by series: %+v, %v", bySeries.Rows, err)
	}
}

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	from, to := day.UnixMilli(), day.Add(time.Hour).UnixMilli()
	sel := Selector{Names: []string{"http_requests_total", "it's"}, NameRegexp: "http.*", Matchers: []attrcol.Matcher{{Key: "job", Value: "shop/cart"}, {Key: "http_method", Op: attrcol.Regexp, Value: "GET|it's"}}}
	where, err := sel.conditions("default", day, day)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range []struct{ name, sql string }{
		{"series", seriesSelect(where, 101).SQL()},
		{"samples", sampleSelect("default", from, to).SQL()},
		{"histograms", histogramSelect("default", from, to).SQL()},
		{"bounds", boundsSelect("default", from, to).SQL()},
		{"exemplars of a trace", traceExemplarSelect("default", [16]byte{1, 0xff}, day, day.Add(time.Hour), 101).SQL()},
		{"exemplars of series", exemplarSelect("default", from, to, 101).SQL()},
		{"series of exemplars", exemplarSeriesSelect("default", day, day, []string{"a", "it's"}).SQL()},
		{"keys of labels", labelKeysSelect("default", day, day).SQL()},
		{"shapes by labels and resource", shapesSelect("default", day, day, []string{"job", "it's"}, true, 101).SQL()},
		{"shapes by resource", shapesSelect("default", day, day, nil, true, 101).SQL()},
		{"shapes by label", shapesSelect("default", day, day, []string{"job"}, false, 101).SQL()},
		{"series in all", seriesTotal("default", day, day).SQL()},
		{"label pairs in all", pairTotal("default", day, day).SQL()},
		{"series by metric", seriesByMetric("default", day, day, 10).SQL()},
		{"series by label pair", seriesByPair("default", day, day, 10).SQL()},
		{"series by resource", seriesByResource("default", day, day).SQL()},
		{"values by label", labelSizes("default", day, day, chsql.Func("count"), 10).SQL()},
		{"churn", churnSelect("default", day, day).SQL()},
		{"hours held", hoursHeldSelect("default", from, to).SQL()},
		{"span", spanSelect("default", day, day).SQL()},
		{"metadata", metadataSelect("default", day, day, "it's", 101).SQL()},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sql, Params: map[string]string{"fingerprints": "[1,18446744073709551615]"}}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}
