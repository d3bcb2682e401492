package resourcestore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func kv(key string, v attribute.Value) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: v}
}

type resourceRow struct {
	Service, Namespace, Instance, Day string
	resourcestore.Resource
}

func resources(t *testing.T, db *conn.DB) map[uint64]resourceRow {
	t.Helper()
	rows := map[uint64]resourceRow{}
	storagetest.Rows(t, db, "SELECT resource_id, service_name, service_namespace, service_instance_id, toString(day), dropped_attributes_count, schema_url, "+storagetest.AttributesSQL+" FROM resources", func(r driver.Rows) error {
		var row resourceRow
		var id uint64
		var a storagetest.Attributes
		if err := r.Scan(&id, &row.Service, &row.Namespace, &row.Instance, &row.Day, &row.Dropped, &row.SchemaURL, &a.JSON, &a.Keys, &a.Values); err != nil {
			return err
		}
		var err error
		row.Attributes, err = a.KeyValues()
		rows[id] = row
		return err
	})
	return rows
}

func TestResourcesAndScopesAreKeptAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now()
	day := now.UTC().Format(time.DateOnly)
	odd := append(storagetest.OddAttributes(), kv("service.name", attribute.StringValue("shop")), kv("service.namespace", attribute.StringValue("eu")), kv("service.instance.id", attribute.IntValue(5)))
	batch := resourcestore.NewBatch("default", 30, nil)
	one, name := batch.Resource(now, &resourcestore.Resource{Attributes: odd, Dropped: 2, SchemaURL: "https://example.org/1"})
	none, unknown := batch.Resource(now, &resourcestore.Resource{})
	if name != "shop" || unknown != "unknown_service" || one == none {
		t.Errorf("service names %q and %q, ids %d and %d", name, unknown, one, none)
	}
	scope := batch.Scope(now, &resourcestore.Scope{Name: "lib", Version: "1.2", Attributes: storagetest.OddAttributes(), Dropped: 1, SchemaURL: "u"})
	storagetest.Insert(t, db, "once", batch)

	attribute.Sort(odd)
	want := map[uint64]resourceRow{
		one:  {"shop", "eu", "5", day, resourcestore.Resource{Attributes: odd, Dropped: 2, SchemaURL: "https://example.org/1"}},
		none: {Service: "unknown_service", Day: day},
	}
	if d := cmp.Diff(want, resources(t, db)); d != "" {
		t.Errorf("resources (-want +got):\n%.4000s", d)
	}
	storagetest.Rows(t, db, "SELECT scope_id, name, version, dropped_attributes_count, schema_url, "+storagetest.AttributesSQL+" FROM scopes", func(r driver.Rows) error {
		var id uint64
		var s resourcestore.Scope
		var a storagetest.Attributes
		if err := r.Scan(&id, &s.Name, &s.Version, &s.Dropped, &s.SchemaURL, &a.JSON, &a.Keys, &a.Values); err != nil {
			return err
		}
		var err error
		s.Attributes, err = a.KeyValues()
		want := resourcestore.Scope{Name: "lib", Version: "1.2", Attributes: storagetest.OddAttributes(), Dropped: 1, SchemaURL: "u"}
		if d := cmp.Diff(want, s); d != "" || id != scope {
			t.Errorf("scope %d, want %d (-want +got):\n%.4000s", id, scope, d)
		}
		return err
	})
}

func TestIdentity(t *testing.T) {
	now := time.Now()
	a, b := kv("a", attribute.IntValue(1)), kv("b", attribute.StringValue("x"))
	batch := resourcestore.NewBatch("default", 30, nil)
	ids := map[uint64]string{}
	for name, r := range map[string]resourcestore.Resource{
		"none": {}, "a": {Attributes: []attribute.KeyValue{a}}, "a b": {Attributes: []attribute.KeyValue{a, b}},
		"a as text": {Attributes: []attribute.KeyValue{kv("a", attribute.StringValue("1"))}}, "url": {SchemaURL: "a"},
	} {
		id, _ := batch.Resource(now, &r)
		if other, taken := ids[id]; taken {
			t.Errorf("%q and %q are one resource", name, other)
		}
		ids[id] = name
	}
	if id, _ := batch.Resource(now, &resourcestore.Resource{Attributes: []attribute.KeyValue{b, a}}); ids[id] != "a b" {
		t.Error("the order of attributes makes another resource")
	}
	if batch.Rows() != 5 {
		t.Errorf("%d rows, want 5", batch.Rows())
	}
	batch.Resource(now.AddDate(0, 0, 1), &resourcestore.Resource{})
	if batch.Rows() != 6 {
		t.Error("the next day has no row of its own")
	}
	scope := batch.Scope(now, &resourcestore.Scope{Name: "ab"})
	if batch.Scope(now, &resourcestore.Scope{Name: "a", Version: "b"}) == scope {
		t.Error("name and version run together")
	}
}

// A time no Date can hold must not become another one.
func TestDaysDoNotWrap(t *testing.T) {
	db := storagetest.DB(t)
	if err := db.Exec(t.Context(), "ALTER TABLE resources REMOVE TTL"); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Unix(-1, 0), "1970-01-01"}, {time.Time{}, "1970-01-01"}, {time.Unix(86_400, 0), "1970-01-02"}, {time.Unix(1<<40, 0), "2149-06-06"},
	} {
		batch := resourcestore.NewBatch("default", 30, nil)
		id, _ := batch.Resource(c.at, &resourcestore.Resource{SchemaURL: fmt.Sprint(i)})
		storagetest.Insert(t, db, fmt.Sprint(i), batch)
		if got := resources(t, db)[id].Day; got != c.want {
			t.Errorf("%v is stored on %s, want %s", c.at, got, c.want)
		}
	}
}

func TestKnownRowsAreLeftOut(t *testing.T) {
	now := time.Now()
	known := resourcestore.NewKnown(100)
	rows := func(tenant string, days uint16, at time.Time) int {
		batch := resourcestore.NewBatch("a", days, known)
		if tenant != "a" {
			batch = resourcestore.NewBatch("b", days, known)
		}
		batch.Resource(at, &resourcestore.Resource{SchemaURL: "x"})
		batch.Scope(at, &resourcestore.Scope{Name: "x"})
		return batch.Rows()
	}
	batch := resourcestore.NewBatch("a", 30, known)
	batch.Resource(now, &resourcestore.Resource{SchemaURL: "x"})
	batch.Scope(now, &resourcestore.Scope{Name: "x"})
	if n := rows("a", 30, now); n != 2 {
		t.Errorf("before the acknowledgement %d rows are left, want 2", n)
	}
	batch.MarkStored()
	for _, c := range []struct {
		name   string
		tenant string
		days   uint16
		at     time.Time
		want   int
	}{
		{"the same", "a", 30, now, 0}, {"another tenant", "b", 30, now, 2},
		{"another retention", "a", 31, now, 2}, {"another day", "a", 30, now.AddDate(0, 0, -1), 2},
	} {
		if n := rows(c.tenant, c.days, c.at); n != c.want {
			t.Errorf("%s: %d rows, want %d", c.name, n, c.want)
		}
	}
}

// Known is bounded, remembers the latest, and is shared by all requests.
func TestKnownIsBounded(t *testing.T) {
	const limit = 100
	known := resourcestore.NewKnown(limit)
	owner := resourcestore.OwnerOf("default", "resources")
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 10 * limit {
				key := owner.Key(uint64(g*10*limit+i), 1, 30)
				known.Has(key)
				known.Add([]resourcestore.Key{key})
			}
		})
	}
	wg.Wait()
	remembered := 0
	for i := range uint64(40 * limit) {
		if known.Has(owner.Key(i, 1, 30)) {
			remembered++
		}
	}
	if remembered < limit || remembered > 2*limit {
		t.Errorf("%d keys remembered, want %d to %d", remembered, limit, 2*limit)
	}
	last := owner.Key(1<<60, 1, 30)
	known.Add([]resourcestore.Key{last})
	if !known.Has(last) {
		t.Error("the latest key is forgotten")
	}
}

func TestRepeatedInsertAddsNothing(t *testing.T) {
	db := storagetest.DB(t)
	batch := resourcestore.NewBatch("default", 30, nil)
	batch.Resource(time.Now(), &resourcestore.Resource{})
	batch.Scope(time.Now(), &resourcestore.Scope{})
	for range 3 {
		storagetest.Insert(t, db, "segment-7", batch)
	}
	for _, table := range []string{resourcestore.TableResources, resourcestore.TableScopes} {
		if n := storagetest.Count(t, db, "SELECT count() FROM "+table); n != 1 {
			t.Errorf("%s has %d rows, want 1", table, n)
		}
	}
}

func TestEmptyBatchHasNoBlocks(t *testing.T) {
	if blocks, err := resourcestore.NewBatch("default", 30, nil).Blocks([]block.Block{{}}); err != nil || len(blocks) != 1 {
		t.Errorf("%d more blocks, %v", len(blocks)-1, err)
	}
}

func TestBatchKeepsNothingOfTheBuffer(t *testing.T) {
	db := storagetest.DB(t)
	var buffer storagetest.Buffer
	kvs := []attribute.KeyValue{kv("service.name", attribute.StringValue("shop")), kv("x", attribute.BytesValue("y"))}
	batch := resourcestore.NewBatch("default", 30, nil)
	id, service := batch.Resource(time.Now(), &resourcestore.Resource{Attributes: buffer.Attributes(kvs), SchemaURL: buffer.String("url")})
	if service != "shop" {
		t.Errorf("service %q", service)
	}
	buffer.Overwrite()
	storagetest.Insert(t, db, "once", batch)
	row := resources(t, db)[id]
	row.Day = ""
	if d := cmp.Diff(resourceRow{Service: "shop", Resource: resourcestore.Resource{Attributes: kvs, SchemaURL: "url"}}, row); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
