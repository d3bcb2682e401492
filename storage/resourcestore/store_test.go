package resourcestore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// day is recent, since what is over its retention goes at the first merge.
var day = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -5).Add(12 * time.Hour)

func resource(service string, more ...attribute.KeyValue) *Resource {
	return &Resource{Attributes: append(more, attribute.KeyValue{Key: "service.name", Value: attribute.StringValue(service)}), Dropped: 2, SchemaURL: "https://example.org/schema"}
}

// store inserts what fill adds.
func store(t *testing.T, db *conn.DB, id tenant.ID, fill func(b *Batch)) {
	t.Helper()
	b := NewBatch(id, 30, NewKnown(1))
	fill(b)
	blocks, err := b.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		if err := db.Insert(t.Context(), blocks[i].Table, fmt.Sprint(t.Name(), id, time.Now(), i), blocks[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResourcesAndScopes(t *testing.T) {
	db := storagetest.DB(t)
	attrs := []attribute.KeyValue{
		{Key: "host.cpus", Value: attribute.IntValue(8)}, {Key: "k8s.labels", Value: attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[{"boolValue":true}]}}`)},
		{Key: "service.instance.id", Value: attribute.StringValue("i-1")}, {Key: "service.namespace", Value: attribute.StringValue("shop")},
	}
	var shop, old, mine, scope uint64
	sc := &Scope{Name: "lib", Version: "1.2", Attributes: []attribute.KeyValue{{Key: "x", Value: attribute.DoubleValue(5)}}, Dropped: 1, SchemaURL: "u"}
	store(t, db, "default", func(b *Batch) {
		shop, _ = b.Resource(day, resource("cart", attrs...))
		b.Resource(day.AddDate(0, 0, 1), resource("cart", attrs...)) // the same, next day
		old, _ = b.Resource(day.AddDate(0, 0, -20), resource("old"))
		scope = b.Scope(day, sc)
	})
	store(t, db, "other", func(b *Batch) { mine, _ = b.Resource(day, resource("secret")) })

	s := New(db)
	got, err := s.Resources(t.Context(), "default", []uint64{shop, old, mine, 7, shop}, day, day)
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint64]*Row{
		shop: {ID: shop, Service: "cart", Namespace: "shop", Instance: "i-1", Dropped: 2, SchemaURL: "https://example.org/schema",
			Attributes: []attribute.KeyValue{attrs[0], attrs[1], attrs[2], {Key: "service.name", Value: attribute.StringValue("cart")}, attrs[3]}},
		old: {ID: old, Service: "old", Dropped: 2, SchemaURL: "https://example.org/schema", Attributes: resource("old").Attributes},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resources (-want +got):\n%s", d)
	}
	scopes, err := s.Scopes(t.Context(), "default", []uint64{scope, shop}, day, day)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[uint64]*ScopeRow{scope: {ID: scope, Name: "lib", Version: "1.2", Attributes: sc.Attributes, Dropped: 1, SchemaURL: "u"}}, scopes); d != "" {
		t.Errorf("scopes (-want +got):\n%s", d)
	}

	// What was read once is not read again, and stays with its tenant.
	if err := db.Exec(t.Context(), "TRUNCATE TABLE resources"); err != nil {
		t.Fatal(err)
	}
	again, err := s.Resources(t.Context(), "default", []uint64{shop, old}, day, day)
	if err != nil || again[shop] != got[shop] || again[old] != got[old] {
		t.Errorf("cached: %v, %v", again, err)
	}
	if leak, err := s.Resources(t.Context(), "other", []uint64{shop}, day, day); err != nil || len(leak) != 0 {
		t.Errorf("another tenant's: %v, %v", leak, err)
	}
}

func TestNames(t *testing.T) {
	db := storagetest.DB(t)
	store(t, db, "default", func(b *Batch) {
		for i := range 5 {
			b.Resource(day, resource(fmt.Sprintf("svc-%d", i), attribute.KeyValue{Key: "it's", Value: attribute.IntValue(int64(i % 2))}, attribute.KeyValue{Key: "raw", Value: attribute.BytesValue("\x00")}))
		}
		b.Resource(day.AddDate(0, 0, 3), resource("later"))
	})
	store(t, db, "other", func(b *Batch) {
		b.Resource(day, resource("secret", attribute.KeyValue{Key: "hidden", Value: attribute.BoolValue(true)}))
	})
	s := New(db)
	for _, c := range []struct {
		name      string
		values    []string
		truncated bool
		get       func(limit int) ([]string, bool, error)
	}{
		{"services", []string{"svc-0", "svc-1", "svc-2", "svc-3", "svc-4"}, false, func(limit int) ([]string, bool, error) {
			n, err := s.Services(t.Context(), "default", Seen{From: day, To: day}, 0)
			return n.Values, n.Truncated, err
		}},
		{"three services", []string{"svc-0", "svc-1", "svc-2"}, true, func(limit int) ([]string, bool, error) {
			n, err := s.Services(t.Context(), "default", Seen{From: day, To: day}, 3)
			return n.Values, n.Truncated, err
		}},
		{"keys", []string{"it's", "raw", "service.name"}, false, func(limit int) ([]string, bool, error) {
			n, err := s.LabelNames(t.Context(), "default", Seen{From: day, To: day}, 0)
			return n.Values, n.Truncated, err
		}},
		{"values", []string{"0", "1"}, false, func(limit int) ([]string, bool, error) {
			n, err := s.LabelValues(t.Context(), "default", "it's", Seen{From: day, To: day}, 0)
			return n.Values, n.Truncated, err
		}},
		{"no values", nil, false, func(limit int) ([]string, bool, error) {
			n, err := s.LabelValues(t.Context(), "default", "hidden", Seen{From: day, To: day}, 0)
			return n.Values, n.Truncated, err
		}},
	} {
		values, truncated, err := c.get(0)
		if err != nil || truncated != c.truncated || !cmp.Equal(values, c.values, cmp.Comparer(func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") })) {
			t.Errorf("%s: %q, truncated %v, %v; want %q", c.name, values, truncated, err, c.values)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[Row](10)
	for i := range uint64(1000) {
		c.add("default", map[uint64]*Row{i: {ID: i}})
		found := map[uint64]*Row{}
		if missing := c.get("default", []uint64{0, i}, found); len(missing) > 0 || found[0].ID != 0 || found[i].ID != i {
			t.Fatalf("after %d: missing %v", i, missing) // 0 is asked for all the time
		}
	}
	if missing := c.get("default", []uint64{1, 900}, map[uint64]*Row{}); len(missing) != 2 {
		t.Errorf("others are held for ever: only %v are missing", missing)
	}
}

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	where := chsql.Eq(chsql.Col("service_namespace"), chsql.String("it's"))
	var b strings.Builder
	for _, c := range []struct {
		name string
		sel  chsql.Select
	}{
		{"resources", resourceSelect(seen("default", day, day))},
		{"scopes", scopeSelect(seen("default", day, day))},
		{"ids", IDs("default", day, day, where)},
		{"services", servicesSelect("default", Seen{From: day, To: day}, 101)},
		{"services that log", servicesSelect("default", Seen{From: day, To: day.Add(time.Hour), Signal: Logs}, 101)},
		{"keys", KeysSelect("default", day, day, 101)},
		{"keys of scopes", scopeKeysSelect("default", day, day, 101)},
		{"label names", labelNamesSelect("default", Seen{From: day, To: day}, 101)},
		{"label values", labelValuesSelect("default", "it's", Seen{From: day, To: day}, 101)},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sel.SQL())
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sel.SQL(), Params: map[string]string{"ids": "[1]"}}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}
