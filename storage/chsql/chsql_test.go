package chsql_test

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	. "github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// nasty are texts that would break a statement if they were not quoted.
var nasty = []string{
	"", "plain", "a.b", "it's", `say "hi"`, "back`tick", "``", `back\slash`, `\`, `\'`, `\\'; DROP TABLE logs; --`, "'", "''",
	"nul\x00byte", "line\nbreak\r\ttab", "\x7f\x1b[31m", "\xff\xfe not UTF-8", "ünïcödé 🙂", "{p:String}", "%s ?", "$1", "-- no", "/* no */",
	"a.:Int64", ":`Int64`", "a.:`Int64`", "x`:Int64`", "^a", "^`a`", "x^a`", "a[]", ".lead", "trail.", "a..b", " space ", "null", "tab\\t", `\x41`, `\N`,
}

func TestLiteralsAndAliases(t *testing.T) {
	db := storagetest.Empty(t)
	for _, s := range nasty {
		sel := Select{Columns: []Expr{String(s)}}
		var got string
		scan(t, db, sel.SQL(), &got)
		if got != s {
			t.Errorf("%q came back as %q from %s", s, got, sel.SQL())
		}
	}
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{Int(math.MinInt64), "-9223372036854775808"}, {Uint(math.MaxUint64), "18446744073709551615"},
		{Float(0.1), "0.1"}, {Float(5), "5"}, {Float(-1e300), "-1e300"}, {Float(math.NaN()), "nan"}, {Float(math.Inf(-1)), "-inf"}, {Float(5e-324), "5e-324"},
		{Nanoseconds(1700000000123456789), "2023-11-14 22:13:20.123456789"}, {Milliseconds(-1), "1969-12-31 23:59:59.999"},
		{Seconds(-5), "1970-01-01 00:00:00"}, {Seconds(math.MaxInt64), "2106-02-07 06:28:15"},
		{Date(time.Date(2026, 2, 3, 23, 59, 0, 0, time.UTC)), "2026-02-03"}, {Date(time.Time{}), "1970-01-01"}, {Date(time.Unix(math.MaxInt32*1000, 0)), "2149-06-06"},
		{Func("hex", Bytes([]byte{0, 0xff, '\''})), "00FF27"}, {Func("toTypeName", Bytes(make([]byte, 16))), "FixedString(16)"},
		{Func("hex", HexString([]byte{0, 0xff, '\''})), "00FF27"}, {In(Bytes([]byte{1, 0}), HexString([]byte{0, '\\'}), HexString([]byte{1, 0})), "1"},
		{In(Tuple(Seconds(60), Bytes([]byte{1, 0})), Tuple(Int(0), HexString([]byte{1, 0})), Tuple(Int(60), HexString([]byte{1, 0}))), "1"},
		{Eq(Tuple(Seconds(60), Bytes([]byte{1, 0})), Tuple(Int(60), HexString([]byte{1, 0}))), "1"},
		{Func("toTypeName", Float(5)), "Float64"},
	} {
		var got string
		scan(t, db, Select{Columns: []Expr{Func("toString", c.e)}}.SQL(), &got)
		if got != c.want {
			t.Errorf("%s is %s, want %s", c.e, got, c.want)
		}
	}
}

// Every key is found under itself and under no other key.
func TestPaths(t *testing.T) {
	db := storagetest.Empty(t)
	exec(t, db, "CREATE TABLE t (id UInt32, a JSON(max_dynamic_paths=4)) ENGINE = MergeTree ORDER BY id")
	var keys []string
	for _, k := range nasty {
		if IsPath(k) && utf8.ValidString(k) {
			keys = append(keys, k)
		}
	}
	for i, k := range keys {
		object := Func("concat", String("{"), Func("toJSONString", String(k)), Func("concat", String(":"), String(fmt.Sprint(i)), String("}")))
		exec(t, db, "INSERT INTO t "+Select{Columns: []Expr{Int(int64(i)), Func("CAST", object, String("JSON(max_dynamic_paths=4)"))}}.SQL())
	}
	for i, k := range keys {
		for _, cond := range []Expr{IsNotNull(Path("a", k)), Eq(PathAs("a", k, "Int64"), Int(int64(i))), Eq(Func("toString", Path("a", k)), String(fmt.Sprint(i)))} {
			sel := Select{Columns: []Expr{Func("groupArray", Col("id"))}, From: Table("t"), Where: []Expr{cond}}
			var ids []uint32
			scan(t, db, sel.SQL(), &ids)
			if len(ids) != 1 || ids[0] != uint32(i) {
				t.Errorf("key %q (%d) found in rows %v by\n%s", k, i, ids, sel.SQL())
			}
		}
	}
}

func TestSelectGolden(t *testing.T) {
	inner := Select{Columns: []Expr{Col("id")}, From: Table("resources"), Where: []Expr{Eq(Path("attributes", "a.b"), String("x"))}}
	sel := Select{
		Distinct: true,
		Columns:  []Expr{Col("a"), Func("count").As("n"), Func("arrayMap", Lambda("x", Func("lower", Col("x"))), Col("list"))},
		From:     Table("logs"),
		Where: []Expr{
			And(Ge(Col("time"), Nanoseconds(1)), Lt(Col("time"), Nanoseconds(2))),
			Or(InStrings(Col("service_name"), []string{"a", "b'c"}), Not(Eq(Col("x"), Int(-1)))),
			NotInSelect(Col("resource_id"), inner),
			InParam(Col("id"), Param("ids", "Array(UInt64)")),
			In(Col("y")), And(), In(Col("z"), Uint(1)),
		},
		GroupBy:  []Expr{Col("a")},
		Having:   []Expr{Gt(Col("n"), Int(1))},
		OrderBy:  []Order{Desc(Col("n")), Asc(Col("a"))},
		LimitBy:  []Expr{Col("a")},
		Limit:    10,
		Settings: []Setting{{Name: "max_threads", Value: 1}},
	}
	storagetest.Golden(t, "select.sql", sel.SQL()+"\n")
	storagetest.Golden(t, "sub.sql", Select{Columns: []Expr{Func("count")}, From: Sub(sel)}.SQL()+"\n")
}

// FuzzQuote holds the printer to what the engine's lexer does: the token ends
// where the literal ends, and reads back as the text.
func FuzzQuote(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sql := String(s).String()
		if !utf8.ValidString(sql) || strings.ContainsAny(sql, "\x00\n") {
			t.Fatalf("%q is printed as %q", s, sql)
		}
		if got, rest := unquote(t, sql); got != s || rest != "" {
			t.Fatalf("%q is printed as %s, which reads %q and leaves %q", s, sql, got, rest)
		}
	})
}

// unquote reads a string token as ClickHouse does.
func unquote(t *testing.T, sql string) (text, rest string) {
	t.Helper()
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\'':
			return b.String(), sql[i+1:]
		case sql[i] == '\\' && sql[i+1] == 'x':
			var c byte
			if _, err := fmt.Sscanf(sql[i+2:i+4], "%02X", &c); err != nil {
				t.Fatal(err)
			}
			b.WriteByte(c)
			i += 3
		case sql[i] == '\\':
			i++
			b.WriteByte(sql[i])
		default:
			b.WriteByte(sql[i])
		}
	}
	t.Fatalf("%s has no end", sql)
	return "", ""
}

func exec(t *testing.T, db *conn.DB, sql string) {
	t.Helper()
	if err := db.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
}

func scan(t *testing.T, db *conn.DB, sql string, dest any) {
	t.Helper()
	if _, err := db.Select(t.Context(), conn.Query{SQL: sql}, func(r driver.Rows) error { return r.Scan(dest) }); err != nil {
		t.Errorf("%s\n%v", sql, err)
	}
}
