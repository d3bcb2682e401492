package attrcol_test

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	. "github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

func kv(key string, v attribute.Value) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: v}
}

func list(kvs ...attribute.KeyValue) []attribute.KeyValue { return kvs }

const sliceText = `{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}`
const mapText = `{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":1.5}}]}}`

// values are stored one a record under the key "k".
var values = []attribute.Value{
	attribute.StringValue(""), attribute.StringValue("500"), attribute.StringValue("5e2"), attribute.StringValue("true"), attribute.StringValue("it's `q` \\ \"x\"\x00\n"),
	attribute.StringValue("ünïcödé 🙂"), attribute.StringValue("\xff\xfe"), attribute.StringValue("GET /a.b"),
	attribute.BoolValue(true), attribute.BoolValue(false),
	attribute.IntValue(500), attribute.IntValue(-1), attribute.IntValue(0), attribute.IntValue(math.MaxInt64), attribute.IntValue(math.MaxInt64 - 1), attribute.IntValue(math.MinInt64),
	attribute.DoubleValue(500), attribute.DoubleValue(0.1), attribute.DoubleValue(-2.5), attribute.DoubleValue(math.NaN()), attribute.DoubleValue(math.Inf(1)), attribute.DoubleValue(1e300), attribute.DoubleValue(9223372036854775807),
	attribute.BytesValue("\x00\x01\xff"), attribute.BytesValue(""),
	attribute.JSONValue(attribute.Slice, sliceText), attribute.JSONValue(attribute.Map, mapText),
	{},
}

// nastyKeys are keys that are hard to name in SQL.
var nastyKeys = []string{
	"", "a", "a.b", "a.b.c", "it's", `say "hi"`, "back`tick", `back\slash`, "nul\x00", "line\nbreak", "\xff bad", "ünï.cödé", "k.:Int64", ":`Int64`", "k.:`Int64`", "^k", "^`k`", "k[]",
	".lead", "trail.", "a..b", " ", "%s", "{p:String}", "attributes", "k.null",
}

// table makes a table of records; row i has ids[i] as resource_id.
func table(t *testing.T, db *conn.DB, name string, rows [][]attribute.KeyValue, resources []uint64) {
	t.Helper()
	err := db.Exec(t.Context(), "CREATE TABLE "+name+" (id UInt64, resource_id UInt64, attributes "+string(block.AttributesType)+
		", attributes_other Map(LowCardinality(String), String), attribute_tokens Array(FixedString(4)), "+
		"INDEX attribute_tokens attribute_tokens TYPE bloom_filter(0.001) GRANULARITY 1) ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 16")
	if err != nil {
		t.Fatal(err)
	}
	var (
		attrs   block.Attributes
		ids, rs proto.ColUInt64
		enc     block.Encoder
	)
	columns := append(proto.Input{{Name: "id", Data: &ids}, {Name: "resource_id", Data: &rs}}, attrs.IndexedColumns()...)
	for i, row := range rows {
		attrs.Append(row)
		ids.Append(uint64(i))
		r := uint64(i)
		if resources != nil {
			r = resources[i]
		}
		rs.Append(r)
	}
	b, err := enc.Encode(name, len(rows), columns)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(t.Context(), name, name, []block.Block{b}); err != nil {
		t.Fatal(err)
	}
}

func records() (rows [][]attribute.KeyValue) {
	for _, v := range values {
		rows = append(rows, list(kv("k", v), kv("k.b", attribute.StringValue("sub"))))
	}
	rows = append(rows, nil, list(kv("other", attribute.StringValue("x"))))
	rows = append(rows, list(kv("k", attribute.StringValue("first")), kv("k", attribute.IntValue(500))))
	var all []attribute.KeyValue
	for i, key := range nastyKeys {
		all = append(all, kv(key, attribute.IntValue(int64(i))))
	}
	rows = append(rows, all)
	for i := range 300 { // more paths than the column has room for
		rows = append(rows, list(kv(fmt.Sprintf("wide.%d", i), attribute.IntValue(int64(i)))))
	}
	return rows
}

func TestReadBack(t *testing.T) {
	db := storagetest.Empty(t)
	rows := records()
	table(t, db, "r", rows, nil)
	sel := chsql.Select{Columns: append([]chsql.Expr{chsql.Col("id")}, Columns()...), From: chsql.Table("r"), OrderBy: []chsql.Order{chsql.Asc(chsql.Col("id"))}}
	i := 0
	var row Row
	_, err := db.Select(t.Context(), conn.Query{SQL: sel.SQL(), Settings: Settings()}, func(r driver.Rows) error {
		var id uint64
		if err := r.Scan(&id, row.Attributes(), row.Other()); err != nil {
			return err
		}
		got, err := row.KeyValues()
		if err != nil {
			return err
		}
		want := slices.Clone(rows[id])
		attribute.Sort(want)
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("row %d (-sent +read):\n%s", id, d)
		}
		i++
		return nil
	})
	if err != nil || i != len(rows) {
		t.Errorf("%d rows of %d, %v", i, len(rows), err)
	}
}

// find is the rows of a table a condition holds for, and those it is NULL for.
func find(t *testing.T, db *conn.DB, from chsql.Source, cond chsql.Expr) (ids []uint64) {
	t.Helper()
	sel := chsql.Select{Columns: []chsql.Expr{chsql.Col("id"), chsql.Func("toString", chsql.Func("toNullable", chsql.Func("CAST", cond, chsql.String("Nullable(UInt8)")))).As("holds")},
		From: from, OrderBy: []chsql.Order{chsql.Asc(chsql.Col("id"))}}
	_, err := db.Select(t.Context(), conn.Query{SQL: sel.SQL()}, func(r driver.Rows) error {
		var id uint64
		var holds *string
		if err := r.Scan(&id, &holds); err != nil {
			return err
		}
		if holds == nil {
			return fmt.Errorf("row %d: the condition is NULL", id)
		}
		if *holds == "1" {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%v\n%s", err, sel.SQL())
	}
	return ids
}

// holds says what a matcher means, on one record.
func holds(t *testing.T, m Matcher, kvs []attribute.KeyValue) bool {
	var texts []string // a key sent twice has two
	var number *attribute.Value
	for i := range kvs {
		if kvs[i].Key == m.Key {
			texts = append(texts, kvs[i].Value.Text())
			if number == nil {
				number = &kvs[i].Value
			}
		}
	}
	if texts == nil {
		texts = []string{""}
	}
	equal := func() bool {
		if number != nil && number.Kind == attribute.Double && m.Value != "" { // in any spelling
			f, err := strconv.ParseFloat(m.Value, 64)
			return err == nil && (f == number.Double() || f != f && number.Double() != number.Double())
		}
		return slices.Contains(texts, m.Value)
	}
	match := func() bool {
		text := texts[0]
		if number != nil && number.Kind == attribute.Double {
			text = strconv.FormatFloat(number.Double(), 'f', -1, 64) // as the server spells it below 1e21
			if math.Abs(number.Double()) > 1e21 {
				text = number.Text()
			}
		}
		return utf8.ValidString(text) && regexp.MustCompile("^(?s:"+m.Value+")$").MatchString(text)
	}
	switch m.Op {
	case Equal:
		return equal()
	case NotEqual:
		return !equal()
	case Regexp:
		return match()
	case NotRegexp:
		return !match()
	}
	if number == nil {
		return false
	}
	float, _ := strconv.ParseFloat(m.Value, 64)
	want := big.NewFloat(float)
	if i, err := strconv.ParseInt(m.Value, 10, 64); err == nil {
		want = new(big.Float).SetInt64(i)
	}
	var have *big.Float
	switch f := number.Double(); {
	case number.Kind == attribute.Int:
		have = new(big.Float).SetInt64(number.Int())
	case number.Kind == attribute.Double && !math.IsNaN(f):
		have = big.NewFloat(f)
	case number.Kind == attribute.String:
		f, err := strconv.ParseFloat(number.Str, 64)
		if err != nil || number.Str == "" {
			return false
		}
		have = big.NewFloat(f)
	default:
		return false
	}
	c := have.Cmp(want)
	switch m.Op {
	case Greater:
		return c > 0
	case GreaterOrEqual:
		return c >= 0
	case Less:
		return c < 0
	default:
		return c <= 0
	}
}

func TestMatchersMeanWhatTheySay(t *testing.T) {
	db := storagetest.Empty(t)
	rows := records()
	table(t, db, "r", rows, nil)
	var matchers []Matcher
	for _, op := range []Op{Equal, NotEqual} {
		for _, v := range values {
			matchers = append(matchers, Matcher{Key: "k", Op: op, Value: v.Text()})
		}
		for _, v := range []string{"500.0", "0.10", "TRUE", "sub", "first", "nan", "nothing", `["a",1]`, "{}", "[", `'); DROP TABLE r; --`} {
			matchers = append(matchers, Matcher{Key: "k", Op: op, Value: v})
		}
		for i, key := range nastyKeys {
			matchers = append(matchers, Matcher{Key: key, Op: op, Value: strconv.Itoa(i)}, Matcher{Key: key, Op: op, Value: ""})
		}
		matchers = append(matchers, Matcher{Key: "wide.299", Op: op, Value: "299"}, Matcher{Key: "wide.3", Op: op, Value: "3"})
	}
	for _, op := range []Op{Regexp, NotRegexp} {
		for _, v := range []string{".*", ".+", "", "5.*", "5e2|GET.*", "(?i)get /A\\.B", "true", "-?[0-9]+", "it's.*", "a|b", "\\x00", "ü.*", "fir"} {
			matchers = append(matchers, Matcher{Key: "k", Op: op, Value: v})
		}
		for i, key := range nastyKeys {
			matchers = append(matchers, Matcher{Key: key, Op: op, Value: strconv.Itoa(i) + "|x"})
		}
	}
	for _, op := range []Op{Greater, GreaterOrEqual, Less, LessOrEqual} {
		for _, v := range []string{"500", "499.5", "0", "-1", "9223372036854775806", "1e300", "Inf"} {
			matchers = append(matchers, Matcher{Key: "k", Op: op, Value: v})
		}
		matchers = append(matchers, Matcher{Key: ":`Int64`", Op: op, Value: "3"}, Matcher{Key: "wide.299", Op: op, Value: "298"})
	}
	for _, m := range matchers {
		cond, err := Own(m)
		if err != nil {
			t.Errorf("%v: %v", m, err)
			continue
		}
		var want []uint64
		for i, row := range rows {
			if holds(t, m, row) {
				want = append(want, uint64(i))
			}
		}
		if got := find(t, db, chsql.Table("r"), cond); !slices.Equal(got, want) {
			t.Errorf("%v finds %v, want %v\n%s", m, only(got, want), only(want, got), cond)
		}
	}
}

// only is what a has and b has not.
func only(a, b []uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(a), func(x uint64) bool { return slices.Contains(b, x) })
}

func TestScopes(t *testing.T) {
	db := storagetest.Empty(t)
	s := func(v string) attribute.KeyValue { return kv("env", attribute.StringValue(v)) }
	resources := [][]attribute.KeyValue{list(s("prod")), list(s("test")), nil}
	table(t, db, "resources", resources, nil)
	var rows [][]attribute.KeyValue
	var ids []uint64
	for r := range 4 { // resource 3 is not stored
		for _, own := range [][]attribute.KeyValue{nil, list(s("prod")), list(s("dev"))} {
			rows, ids = append(rows, own), append(ids, uint64(r))
		}
	}
	table(t, db, "r", rows, ids)
	resourceIDs := func(where chsql.Expr) chsql.Select {
		return chsql.Select{Columns: []chsql.Expr{chsql.Col("resource_id")}, From: chsql.Table("resources"), Where: []chsql.Expr{where}}
	}
	for _, scope := range []Scope{Any, Record, Resource} {
		for _, m := range []Matcher{
			{Op: Equal, Value: "prod"}, {Op: NotEqual, Value: "prod"}, {Op: Equal, Value: ""}, {Op: NotEqual, Value: ""},
			{Op: Regexp, Value: "prod|dev"}, {Op: Regexp, Value: ".*"}, {Op: NotRegexp, Value: "prod"}, {Op: NotRegexp, Value: ".+"}, {Op: Greater, Value: "1"},
		} {
			m.Key, m.Scope = "env", scope
			cond, err := Condition(m, resourceIDs)
			if err != nil {
				t.Fatal(err)
			}
			var want []uint64
			for i, own := range rows {
				looked := own
				if ids[i] < 3 && (scope == Resource || scope == Any && own == nil) {
					looked = resources[ids[i]]
				} else if scope == Resource {
					looked = nil
				}
				if holds(t, m, looked) {
					want = append(want, uint64(i))
				}
			}
			if got := find(t, db, chsql.Table("r"), cond); !slices.Equal(got, want) {
				t.Errorf("%v in scope %d finds %v, want %v\n%s", m, scope, got, want, cond)
			}
		}
	}
}

func TestMatcherErrors(t *testing.T) {
	for _, m := range []Matcher{{Key: "k", Op: Regexp, Value: "("}, {Key: "k", Op: NotRegexp, Value: ")("}, {Key: "k", Op: Greater, Value: "many"}, {Key: "k", Op: Less, Value: ""}} {
		if _, err := Own(m); err == nil || !strings.Contains(err.Error(), m.String()) {
			t.Errorf("%v: error %v", m, err)
		}
	}
}

func TestConditionGolden(t *testing.T) {
	ids := func(where chsql.Expr) chsql.Select {
		return chsql.Select{Columns: []chsql.Expr{chsql.Col("resource_id")}, From: chsql.Table("resources"), Where: []chsql.Expr{where}}
	}
	var b strings.Builder
	for _, m := range []Matcher{
		{Key: "http.status", Op: Equal, Value: "500", Scope: Record},
		{Key: "http.status", Op: NotEqual, Value: "ok", Scope: Record},
		{Key: "it's", Op: Regexp, Value: "a|b", Scope: Record},
		{Key: "n", Op: GreaterOrEqual, Value: "1.5", Scope: Record},
		{Key: "env", Op: NotEqual, Value: "prod", Scope: Any},
		{Key: "^`x`", Op: Equal, Value: "1", Scope: Resource},
	} {
		cond, err := Condition(m, ids)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "-- %s\n%s\n\n", m, cond)
	}
	storagetest.Golden(t, "conditions.sql", b.String())
}
