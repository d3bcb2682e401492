package metricstore_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

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
	*metricstore.Store
	db *conn.DB
	n  int
}

func newFixture(t *testing.T) *fixture {
	db := storagetest.DB(t)
	return &fixture{Store: metricstore.New(db, resourcestore.New(db)), db: db}
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

func resource(attrs ...attribute.KeyValue) *resourcestore.Resource {
	return &resourcestore.Resource{Attributes: attrs}
}

func TestSeries(t *testing.T) {
	f := newFixture(t)
	at := noon.UnixMilli()
	requests := func(res uint64, attrs ...attribute.KeyValue) *metricstore.Series {
		return &metricstore.Series{Name: "http.server.requests", Unit: "1", Description: "how many", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true, Attributes: attrs, ResourceID: res, ScopeID: 5}
	}
	names := map[uint64]string{}
	f.insert(t, "default", func(res *resourcestore.Batch, b *metricstore.Batch) {
		cart, _ := res.Resource(noon, resource(str("service.name", "cart"), str("service.namespace", "shop"), str("service.instance.id", "i-1"), str("k8s.pod.name", "cart-0")))
		pay, _ := res.Resource(noon, resource(str("service.name", "pay"), num("k8s.replica", 3)))
		names[b.Series(requests(cart, str("http.method", "GET"), num("status", 200)), at)] = "cart-get"
		names[b.Series(requests(cart, str("http_method", "PO'ST")), at)] = "cart-post"
		names[b.Series(requests(pay, str("http.method", "GET"), attribute.KeyValue{Key: "ok", Value: attribute.BoolValue(true)}), at)] = "pay-get"
		names[b.Series(&metricstore.Series{Name: "memory", Unit: "By", Type: metricstore.Gauge, ResourceID: pay}, at)] = "mem"
		old := &metricstore.Series{Name: "memory", Unit: "By", Type: metricstore.Gauge, Description: "older", ResourceID: cart}
		names[b.Series(old, at-2*24*3600_000)] = "mem-before"
		s := requests(pay, str("http.method", "GET"), attribute.KeyValue{Key: "ok", Value: attribute.BoolValue(true)})
		b.SeriesDay(s, b.Series(s, at), at+24*3600_000)
	})
	f.insert(t, "other", func(res *resourcestore.Batch, b *metricstore.Batch) {
		names[b.Series(requests(1, str("http.method", "GET")), at)] = "secret"
	})

	eq := func(key, v string) attrcol.Matcher { return attrcol.Matcher{Key: key, Value: v} }
	for _, c := range []struct {
		name string
		sel  metricstore.Selector
		want string
	}{
		{"all of the day", metricstore.Selector{}, "cart-get cart-post mem pay-get"},
		{"dotted name", metricstore.Selector{Names: []string{"http.server.requests"}}, "cart-get cart-post pay-get"},
		{"Prometheus name", metricstore.Selector{Names: []string{"http_server_requests_total"}}, "cart-get cart-post pay-get"},
		{"names", metricstore.Selector{Names: []string{"memory_bytes", "nope' OR 1=1 --"}}, "mem"},
		{"name pattern", metricstore.Selector{NameRegexp: "http.*total|nope"}, "cart-get cart-post pay-get"},
		{"name pattern is anchored", metricstore.Selector{NameRegexp: "emory"}, ""},
		{"dotted label", metricstore.Selector{Matchers: []attrcol.Matcher{eq("http.method", "GET")}}, "cart-get pay-get"},
		{"underscore label", metricstore.Selector{Matchers: []attrcol.Matcher{eq("http_method", "GET")}}, "cart-get pay-get"},
		{"sent with underscore", metricstore.Selector{Matchers: []attrcol.Matcher{eq("http.method", "PO'ST")}}, "cart-post"},
		{"number", metricstore.Selector{Matchers: []attrcol.Matcher{eq("status", "200")}}, "cart-get"},
		{"boolean", metricstore.Selector{Matchers: []attrcol.Matcher{eq("ok", "true")}}, "pay-get"},
		{"pattern", metricstore.Selector{Matchers: []attrcol.Matcher{{Key: "http_method", Op: attrcol.Regexp, Value: "G.*|X"}}}, "cart-get pay-get"},
		{"present", metricstore.Selector{Matchers: []attrcol.Matcher{{Key: "status", Op: attrcol.NotEqual}}}, "cart-get"},
		{"left to the reader", metricstore.Selector{Matchers: []attrcol.Matcher{{Key: "status", Op: attrcol.NotEqual, Value: "200"}}}, "cart-get cart-post mem pay-get"},
		{"job", metricstore.Selector{Matchers: []attrcol.Matcher{eq("job", "shop/cart")}}, "cart-get cart-post"},
		{"job without namespace", metricstore.Selector{Matchers: []attrcol.Matcher{eq("job", "pay")}}, "mem pay-get"},
		{"instance", metricstore.Selector{Matchers: []attrcol.Matcher{eq("instance", "i-1")}}, "cart-get cart-post"},
		{"service", metricstore.Selector{Matchers: []attrcol.Matcher{eq("service.name", "pay")}}, "mem pay-get"},
		{"resource attribute", metricstore.Selector{Matchers: []attrcol.Matcher{eq("k8s_pod_name", "cart-0")}}, "cart-get cart-post"},
		{"resource number", metricstore.Selector{Matchers: []attrcol.Matcher{eq("k8s.replica", "3")}}, "mem pay-get"},
		{"both", metricstore.Selector{Names: []string{"http_server_requests_total"}, Matchers: []attrcol.Matcher{eq("job", "pay"), eq("http_method", "GET")}}, "pay-get"},
		{"none", metricstore.Selector{Matchers: []attrcol.Matcher{eq("http_method`') OR 1=1 --", "') OR 1=1 --")}}, ""},
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

	rows, err := f.Series(t.Context(), "default", noon, noon, metricstore.Selector{Matchers: []attrcol.Matcher{eq("status", "200")}})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	r := rows[0]
	attrs, err := r.Attributes()
	if d := gocmp.Diff([]attribute.KeyValue{str("http.method", "GET"), num("status", 200)}, attrs); d != "" || err != nil {
		t.Errorf("attributes: %v\n%s", err, d)
	}
	want := metricstore.SeriesRow{Fingerprint: r.Fingerprint, Name: "http.server.requests", PromName: "http_server_requests_total", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true, Unit: "1", Description: "how many",
		Labels: map[string]string{"http.method": "GET", "status": "200"}, Resource: r.Resource, ScopeID: 5}
	if d := gocmp.Diff(want, r, cmpopts.IgnoreUnexported(metricstore.SeriesRow{})); d != "" || r.Resource.Namespace != "shop" {
		t.Errorf("row (-want +got):\n%s", d)
	}

	all, err := f.Index(t.Context(), "default", noon, noon, metricstore.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	var fps []uint64
	var sent []string
	for _, r := range all {
		fps, sent = append(fps, r.Fingerprint), append(sent, r.Name)
	}
	sets, err := f.LabelSets(t.Context(), "default", noon, noon, sent, append(fps, 99))
	if err != nil || len(sets) != len(all) || len(all) != 4 {
		t.Errorf("labels of %d series of %d: %v", len(sets), len(all), err)
	}
	for _, got := range sets {
		rows, err := f.Series(t.Context(), "default", noon, noon, metricstore.Selector{Fingerprints: []uint64{got.Fingerprint}})
		if err != nil || len(rows) != 1 || gocmp.Diff(rows[0].Labels, mapOf(got.Labels), cmpopts.EquateEmpty()) != "" || rows[0].Resource != got.Resource || rows[0].Prometheus != got.Prometheus {
			t.Errorf("%s: labels %v of %+v, %v", names[got.Fingerprint], got.Labels, rows, err)
		}
	}

	_, err = f.Series(t.Context(), "default", noon, noon, metricstore.Selector{Limit: 3})
	var e *conn.Error
	if !errors.As(err, &e) || e.Class != conn.Limit || e.Limit != "max_series" {
		t.Errorf("four series, limit 3: %v", err)
	}
	if rows, err := f.Series(t.Context(), "default", noon, noon, metricstore.Selector{Limit: 4}); err != nil || len(rows) != 4 {
		t.Errorf("four series, limit 4: %d, %v", len(rows), err)
	}
	var bad *attrcol.MatcherError
	for _, sel := range []metricstore.Selector{{NameRegexp: "("}, {Matchers: []attrcol.Matcher{{Key: "a", Op: attrcol.Regexp, Value: "("}}}} {
		if _, err := f.Series(t.Context(), "default", noon, noon, sel); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", sel, err)
		}
	}

	meta, err := f.Metadata(t.Context(), "default", noon.AddDate(0, 0, -2), noon, "", 0)
	wantMeta := []metricstore.Metadata{
		{Name: "http.server.requests", PromName: "http_server_requests_total", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true, Unit: "1", Description: "how many"},
		{Name: "memory", PromName: "memory_bytes", Type: metricstore.Gauge, Unit: "By"},
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
	if n, err := f.LabelNames(t.Context(), "default", noon, noon, metricstore.Selector{}); err != nil || strings.Join(n.Values, " ") != "http.method http_method ok status" {
		t.Errorf("label names %q, %v", n.Values, err)
	}
	if n, err := f.LabelNames(t.Context(), "default", noon, noon, metricstore.Selector{Matchers: []attrcol.Matcher{eq("job", "pay")}, Limit: 1}); err != nil || strings.Join(n.Values, " ") != "http.method" || !n.Truncated {
		t.Errorf("one label name %+v, %v", n, err)
	}
	if n, err := f.LabelValues(t.Context(), "default", "http_method", noon, noon, metricstore.Selector{}); err != nil || strings.Join(n.Values, " ") != "GET PO'ST" || n.Truncated {
		t.Errorf("label values %+v, %v", n, err)
	}
}

// The labels of all series that a query may touch come in one statement, whose list of
// them is longer than a statement may be.
func TestLabelSetsOfManySeries(t *testing.T) {
	f := newFixture(t)
	const n = 100_000
	err := f.db.Exec(t.Context(), fmt.Sprintf("INSERT INTO series (tenant, retention_days, day, metric_name, prom_name, fingerprint, type, labels, prometheus) SELECT 'default', 30, toDate('%s'), 'm', 'm', 18446744073709551615 - number * 7, 'gauge', map('i', toString(number)), true FROM numbers(%d)", noon.Format(time.DateOnly), n))
	if err != nil {
		t.Fatal(err)
	}
	fps := make([]uint64, n)
	for i := range fps {
		fps[i] = math.MaxUint64 - uint64(i)*7
	}
	statements := 0
	ctx := conn.Traced(t.Context(), func(conn.Ran) { statements++ })
	for _, fps := range [][]uint64{fps, nil} {
		statements = 0
		sets, err := f.LabelSets(ctx, "default", noon, noon, []string{"m"}, fps)
		if err != nil || len(sets) != n || statements != 1 {
			t.Fatalf("%d of %d series in %d statements: %v", len(sets), n, statements, err)
		}
		for _, r := range sets {
			if want := fmt.Sprint((math.MaxUint64 - r.Fingerprint) / 7); mapOf(r.Labels)["i"] != want || !r.Prometheus {
				t.Fatalf("labels %v of series %s", r.Labels, want)
			}
		}
	}
	if sets, err := f.LabelSets(ctx, "default", noon, noon, []string{"other"}, nil); err != nil || len(sets) != 0 {
		t.Errorf("series of another name: %v, %v", sets, err)
	}
}

func mapOf(all []metricstore.Label) map[string]string {
	out := map[string]string{}
	for _, l := range all {
		out[l.Key] = l.Value
	}
	return out
}

func TestMetadataObservedLastIsTrueWhateverIsStoredLast(t *testing.T) {
	f := newFixture(t)
	send := func(description string, observed time.Duration, typ metricstore.Type) (fp uint64) {
		f.insert(t, "default", func(_ *resourcestore.Batch, b *metricstore.Batch) {
			fp = b.Series(&metricstore.Series{Name: "jobs_total", PromName: "jobs_total", Type: typ, Description: description, Observed: noon.Add(observed).UnixMilli()}, noon.UnixMilli())
		})
		return fp
	}
	fp := send("of today", time.Hour, metricstore.Sum)
	for _, late := range []string{"of this morning", "of last night"} { // segments of the log that were held up
		if other := send(late, 0, metricstore.Gauge); other != fp {
			t.Fatalf("metadata tells series apart: %d, %d", fp, other)
		}
	}
	for _, merged := range []bool{false, true} {
		if merged {
			if err := f.db.Exec(t.Context(), "OPTIMIZE TABLE series FINAL"); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := f.Series(t.Context(), "default", noon, noon, metricstore.Selector{Names: []string{"jobs_total"}})
		if err != nil || len(rows) != 1 || rows[0].Description != "of today" || rows[0].Type != metricstore.Sum {
			t.Errorf("merged %v: %+v, %v", merged, rows, err)
		}
		index, err := f.Index(t.Context(), "default", noon, noon, metricstore.Selector{Names: []string{"jobs_total"}})
		if err != nil || len(index) != 1 || index[0].Type != metricstore.Sum {
			t.Errorf("merged %v: index: %+v, %v", merged, index, err)
		}
	}
}

func TestExemplars(t *testing.T) {
	f := newFixture(t)
	at := noon.UnixNano()
	trace, other := [16]byte{0xff, '\''}, [16]byte{2}
	var fps []uint64
	var sent []metricstore.Exemplar
	for i := range 4 {
		sent = append(sent, metricstore.Exemplar{Time: at + int64(i), TraceID: trace, SpanID: [8]byte{byte(i)}, Value: float64(i) / 3, Attributes: []attribute.KeyValue{num("user.id", int64(i))}})
	}
	f.insert(t, "default", func(res *resourcestore.Batch, b *metricstore.Batch) {
		cart, _ := res.Resource(noon, resource(str("service.name", "cart")))
		for _, name := range []string{"latency", "it's"} {
			fps = append(fps, b.Series(&metricstore.Series{Name: name, Type: metricstore.Histogram, Attributes: []attribute.KeyValue{str("route", "/")}, ResourceID: cart}, noon.UnixMilli()))
		}
		for i := range sent {
			b.Exemplar(fps[i%2], []string{"latency", "it's"}[i%2], &sent[3-i])
		}
		b.Exemplar(fps[0], "latency", &metricstore.Exemplar{Time: at, TraceID: other})
		b.Exemplar(12345, "gone", &metricstore.Exemplar{Time: at + 10, TraceID: other})
	})
	f.insert(t, "other", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		b.Exemplar(fps[0], "latency", &metricstore.Exemplar{Time: at, TraceID: trace, Value: 666})
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
	bySeries, err := f.Exemplars(t.Context(), "default", samplestore.Range{Fingerprints: fps[1:], From: noon.UnixMilli(), To: noon.UnixMilli()})
	if err != nil || len(bySeries.Rows) != 2 || bySeries.Rows[0].Metric != "it's" {
		t.Errorf("by series: %+v, %v", bySeries.Rows, err)
	}
}
