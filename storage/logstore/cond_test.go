package logstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// The statements of a query language, read as text and tried on the engine.
func TestConditionGoldens(t *testing.T) {
	db := storagetest.DB(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	meanings := Meanings{Record: map[string][]string{"code": {"code"}, "user_id": {"user.id"}, "both": {"both"}}, Resource: map[string][]string{"env": {"env"}, "both": {"both"}}, Scope: map[string][]string{"lib": {"lib"}}, Types: map[string]attrcol.Types{"code": attrcol.Plain}}
	f := func(textOnly bool, conds ...Cond) Filter {
		return Filter{From: at, To: at.Add(time.Hour), Where: conds, Meanings: meanings, TextOnly: textOnly}
	}
	numbered := func(conds ...Cond) Filter {
		all := f(true, conds...)
		all.Numbered = true
		return all
	}
	label := func(name string, op attrcol.Op, value string) Cond { return Label{name, op, value} }
	count := func(f Filter, c Counting) chsql.Select {
		sel, err := countSelect("default", f, c)
		if err != nil {
			t.Fatal(err)
		}
		return sel
	}
	stream := func(f Filter) chsql.Select {
		sel, err := streamSelect("default", f)
		if err != nil {
			t.Fatal(err)
		}
		sel.Columns = []chsql.Expr{chsql.Func("count")}
		return sel
	}
	streams, err := streamsSelect("default", f(true, label("service_name", attrcol.Equal, "shop")), 10)
	if err != nil {
		t.Fatal(err)
	}
	js := &Parser{Form: JSON}
	var b strings.Builder
	for _, c := range []struct {
		name string
		sel  chsql.Select
	}{
		{"a record's attribute and a word", stream(f(true, label("user_id", attrcol.Equal, "u'1"), Line{LineContains, "rare"}))},
		{"a resource's attribute", stream(f(true, label("env", attrcol.Regexp, "p.*")))},
		{"both, and not", stream(f(true, label("both", attrcol.NotEqual, "x")))},
		{"a scope's, absent, unknown", stream(f(true, label("lib", attrcol.Equal, "l"), label("env", attrcol.Equal, ""), label("nobody", attrcol.Equal, "x")))},
		{"columns", stream(f(true, label("trace_id", attrcol.Equal, "0102030405060708090a0b0c0d0e0f10"), label("detected_level", attrcol.Equal, "error"), label("scope_name", attrcol.NotEqual, "x")))},
		{"numbers", stream(f(true, Any{Number{"user_id", attrcol.Equal, 5}, NotNumber{"user_id"}}))},
		{"a typed attribute", stream(f(true, label("code", attrcol.Equal, "500"), label("code", attrcol.Regexp, "5.*"), NotNumber{"code"}))},
		{"counts by a typed attribute", count(f(true), Counting{By: []string{"code"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}})},
		{"lines that may be no text", stream(f(false, Line{LineMatches, "a.b"}, Not{Line{LineContains, "c"}}, Body{}))},
		{"errors by minute and service", count(f(true, label("detected_level", attrcol.Equal, "error")), Counting{By: []string{"service_name"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}})},
		{"bytes by attributes, windows apart", count(f(true), Counting{By: []string{"user_id", "env"}, Bytes: true, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9, Window: 1e9}})},
		{"errors, and volume by level, where all have a severity number", count(numbered(label("detected_level", attrcol.Regexp, "warn|error|x")), Counting{By: []string{"detected_level"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}})},
		{"lines as JSON: errors by level, slow ones", count(f(false, Behind{js, Number{"took", attrcol.Greater, 1.5}}), Counting{By: []string{"level"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}, Parser: js, Numbers: []string{"took"}})},
		{"lines as JSON: a name of two words", stream(f(true, Any{Not{Sure{Parser: js, Texts: []string{"user_id"}}}, Behind{js, label("user_id", attrcol.Equal, "u1")}}))},
		{"lines as logfmt: numbers added up", count(f(true), Counting{By: []string{"level"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}, Parser: &Parser{Form: Logfmt}, Measured: "took"})},
		{"lines by a pattern", count(f(true), Counting{By: []string{"method"}, Tiles: Tiles{Origin: at.UnixNano() - 1, Width: 60e9}, Parser: &Parser{Form: Regexp, Pattern: "(GET|PUT) ", Groups: map[string]int{"method": 1}}})},
		{"streams", streams},
		{"keys", keysSelect("default", at, at)},
	} {
		sql := c.sel.SQL()
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: sql}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "conditions.sql", b.String())
}

func countSelect(t tenant.ID, f Filter, c Counting) (chsql.Select, error) {
	b := f.bind(t)
	return newCountPlan(b, c).sel(b, f, c)
}
