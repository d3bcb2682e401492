package block_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

const ddl = `CREATE TABLE t (n UInt64, attributes JSON(max_dynamic_paths=256), attributes_other Map(LowCardinality(String), String), d LowCardinality(String), a Array(UInt64))
	ENGINE = MergeTree ORDER BY n SETTINGS min_bytes_for_wide_part = 0`

// table builds blocks for the table of ddl.
type table struct {
	n     proto.ColUInt64
	attrs block.Attributes
	dict  block.Dict
	data  proto.ColUInt64
	array *block.Array
	enc   block.Encoder
}

func newTable() *table {
	t := &table{}
	t.array = block.NewArray(&t.data)
	return t
}

func (t *table) append(kvs []attribute.KeyValue, word string, numbers ...uint64) {
	t.n.Append(uint64(len(t.n)))
	t.attrs.Append(kvs)
	t.dict.Append(word)
	t.data.AppendArr(numbers)
	t.array.EndRow()
}

func (t *table) block() (block.Block, error) {
	return t.enc.Encode("t", len(t.n), append(proto.Input{{Name: "n", Data: &t.n}, {Name: "d", Data: &t.dict}, {Name: "a", Data: t.array}}, t.attrs.Columns()...))
}

func (t *table) reset() {
	t.n.Reset()
	t.attrs.Reset()
	t.dict.Reset()
	t.array.Reset()
}

func insert(t *testing.T, db *conn.DB, tab *table) {
	t.Helper()
	b, err := tab.block()
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(t.Context(), "t", "", []block.Block{b}); err != nil {
		t.Fatal(err)
	}
}

// typed reads the attributes of every row as "type:text" by path, the server's
// own view of what is stored.
func typed(t *testing.T, db *conn.DB) (rows []map[string]string, other []map[string]string) {
	t.Helper()
	q := conn.Query{SQL: `SELECT attributes_other, arrayMap(p -> (p.1, p.2), JSONAllPathsWithTypes(attributes)::Array(Tuple(String, String))), toJSONString(attributes) FROM t ORDER BY n`}
	_, err := db.Select(t.Context(), q, func(r driver.Rows) error {
		var o map[string]string
		var paths [][]any
		var text string
		if err := r.Scan(&o, &paths, &text); err != nil {
			return err
		}
		row := map[string]string{}
		for _, p := range paths {
			row[p[0].(string)] = p[1].(string)
		}
		rows = append(rows, row)
		other = append(other, o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, other
}

func values(t *testing.T, db *conn.DB, expr string) []string {
	t.Helper()
	var list []string
	_, err := db.Select(t.Context(), conn.Query{SQL: "SELECT toString(" + expr + ") FROM t ORDER BY n"}, func(r driver.Rows) error {
		var s *string
		if err := r.Scan(&s); err != nil {
			return err
		}
		if s == nil {
			list = append(list, "NULL")
		} else {
			list = append(list, *s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAttributesKeepTypesAndAbsence(t *testing.T) {
	db := storagetest.Empty(t)
	if err := db.Exec(t.Context(), ddl); err != nil {
		t.Fatal(err)
	}
	tab := newTable()
	tab.append([]attribute.KeyValue{{Key: "a", Value: attribute.IntValue(math.MaxInt64)}, {Key: "a.b", Value: attribute.StringValue("x")}, {Key: "k", Value: attribute.StringValue("v")}}, "w1", 1, 2)
	tab.append(nil, "w2")
	tab.append([]attribute.KeyValue{{Key: "k", Value: attribute.DoubleValue(math.Copysign(0, -1))}, {Key: "a", Value: attribute.StringValue("")}}, "w1", 3)
	tab.append([]attribute.KeyValue{{Key: "k", Value: attribute.BoolValue(true)}, {Key: "k", Value: attribute.IntValue(2)}, {Key: "", Value: attribute.IntValue(1)}, {Key: "\xff", Value: attribute.StringValue("y")}}, "w1")
	tab.append([]attribute.KeyValue{{Key: "k", Value: attribute.DoubleValue(math.NaN())}, {Key: "bytes", Value: attribute.BytesValue("\x00\xff")}, {Key: "empty", Value: attribute.Value{}},
		{Key: "list", Value: attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[]}}`)}}, "")
	insert(t, db, tab)

	rows, other := typed(t, db)
	want := []map[string]string{
		{"a": "Int64", "a.b": "String", "k": "String"}, {}, {"k": "Float64", "a": "String"}, {"k": "Bool"}, {"k": "Float64"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Errorf("paths with types (-want +got):\n%s", d)
	}
	wantOther := []map[string]string{{}, {}, {},
		{"k": `{"intValue":"2"}`, "": `{"intValue":"1"}`, "\xff": `{"stringValue":"y"}`},
		{"bytes": `{"bytesValue":"AP8="}`, "empty": `{}`, "list": `{"arrayValue":{"values":[]}}`}}
	if d := cmp.Diff(wantOther, other); d != "" {
		t.Errorf("attributes_other (-want +got):\n%s", d)
	}
	for expr, want := range map[string][]string{
		"attributes.a.:Int64":   {"9223372036854775807", "NULL", "NULL", "NULL", "NULL"},
		"attributes.`a.b`":      {"x", "", "", "", ""},
		"attributes.a.:String":  {"NULL", "NULL", "", "NULL", "NULL"},
		"attributes.k.:Float64": {"NULL", "NULL", "-0", "NULL", "nan"},
		"attributes.k.:Bool":    {"NULL", "NULL", "NULL", "true", "NULL"},
		"attributes.k":          {"v", "", "-0", "true", "nan"},
		"d":                     {"w1", "w2", "w1", "w1", ""},
		"a":                     {"[1,2]", "[]", "[3]", "[]", "[]"},
	} {
		if d := cmp.Diff(want, values(t, db, expr)); d != "" {
			t.Errorf("%s (-want +got):\n%s", expr, d)
		}
	}
}

// A builder that is used again must not remember anything.
func TestResetForgets(t *testing.T) {
	db := storagetest.Empty(t)
	if err := db.Exec(t.Context(), ddl); err != nil {
		t.Fatal(err)
	}
	tab := newTable()
	tab.append([]attribute.KeyValue{{Key: "old", Value: attribute.IntValue(1)}, {Key: "x", Value: attribute.BytesValue("b")}}, "old", 9)
	tab.reset()
	tab.append([]attribute.KeyValue{{Key: "new", Value: attribute.StringValue("1")}}, "new", 1)
	insert(t, db, tab)
	rows, other := typed(t, db)
	if d := cmp.Diff([]map[string]string{{"new": "String"}}, rows); d != "" {
		t.Error(d)
	}
	if len(other[0]) != 0 {
		t.Errorf("attributes_other = %v", other[0])
	}
}

func TestWideAndLong(t *testing.T) {
	db := storagetest.Empty(t)
	if err := db.Exec(t.Context(), ddl); err != nil {
		t.Fatal(err)
	}
	tab := newTable()
	long := strings.Repeat("x", 1<<20)
	tab.append([]attribute.KeyValue{{Key: "long", Value: attribute.StringValue(long)}}, "long")
	want := map[string]bool{"long": true}
	for i := range 66_000 { // more words than two bytes count, more paths than the column has room for
		var kvs []attribute.KeyValue
		if i < 300 {
			key := fmt.Sprintf("key.%d", i)
			want[key] = true
			kvs = []attribute.KeyValue{{Key: key, Value: attribute.IntValue(int64(i))}}
		}
		tab.append(kvs, fmt.Sprint("word", i))
	}
	insert(t, db, tab)
	var got []string
	if _, err := db.Select(t.Context(), conn.Query{SQL: "SELECT arrayJoin(groupUniqArrayArray(JSONAllPaths(attributes))) FROM t"}, func(r driver.Rows) error {
		var s string
		err := r.Scan(&s)
		got = append(got, s)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), got); d != "" {
		t.Errorf("paths (-want +got):\n%s", d)
	}
	if v := values(t, db, "attributes.`key.299`"); v[300] != "299" {
		t.Errorf("a path beyond the limit reads %q", v[1000])
	}
	if v := values(t, db, "length(attributes.long.:String)"); v[0] != fmt.Sprint(1<<20) {
		t.Errorf("long value has length %s", v[0])
	}
	if v := values(t, db, "d"); v[66_000] != "word65999" || v[1] != "word0" {
		t.Errorf("dictionary rows are %q and %q", v[1], v[66_000])
	}
}

func BenchmarkAttributes(b *testing.B) {
	kvs := []attribute.KeyValue{
		{Key: "http.request.method", Value: attribute.StringValue("GET")}, {Key: "http.response.status_code", Value: attribute.IntValue(200)},
		{Key: "url.path", Value: attribute.StringValue("/api/cart/42")}, {Key: "user.id", Value: attribute.StringValue("u012345")}, {Key: "cache.hit", Value: attribute.BoolValue(true)},
	}
	tab := newTable()
	b.ReportAllocs()
	for b.Loop() {
		tab.append(kvs, "checkout", 1)
		if len(tab.n) == 10_000 {
			if _, err := tab.block(); err != nil {
				b.Fatal(err)
			}
			tab.reset()
		}
	}
}
