package logstore

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// An attribute nobody declared is found without reading what does not have it, and so
// is a word of a body: the engine itself says what its indexes leave.
func TestIndexesLeaveLittleToRead(t *testing.T) {
	f := newFixture(t)
	const granule, rows = 8192, 6 * 8192
	records := make([]Record, rows)
	for i := range records {
		records[i] = Record{Time: now.UnixNano() - int64(rows-i), Body: attribute.StringValue("request answered"), Attributes: []attribute.KeyValue{str("order.note", "n"+strconv.Itoa(i%1000))}}
	}
	records[3*granule+5].Attributes = []attribute.KeyValue{str("order.note", "needle")}
	records[4*granule+5].Body = attribute.StringValue("a haystack")
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "shop")}, records...)
	filter := func(c Cond) Filter {
		return Filter{From: hour.From, To: now.Add(time.Second), TextOnly: true, ASCII: true, Where: []Cond{c}, Meanings: Meanings{Record: map[string][]string{"order_note": {"order.note"}}}}
	}
	for _, c := range []struct {
		index string
		cond  Cond
	}{
		{"attribute_tokens", Label{"order_note", attrcol.Equal, "needle"}},
		{"body", Line{LineContains, "haystack"}},
		{"body", Line{LineContains, "a haystack"}},
		{"body", Line{LineMatches, `\bhay(stack|rick)`}},
		{"body", Line{LineMatches, `^a haystack$`}},
		{"body", Line{LineMatches, `\ba\b`}},
	} {
		sel, err := streamSelect("default", filter(c.cond))
		if err != nil {
			t.Fatal(err)
		}
		left, of := f.granules(t, sel.SQL(), c.index)
		if of < rows/granule || left > 2 {
			t.Errorf("index %s leaves %d granules of %d, want at most 2 of %d", c.index, left, of, rows/granule)
		}
		if got := len(f.sel(t, filter(c.cond), Page{}).Rows); got != 1 {
			t.Errorf("%s: %d records, want 1", c.index, got)
		}
	}
}

// granules is what an index leaves of the granules that it is asked for.
func (f *fixture) granules(t *testing.T, sql, index string) (left, of int) {
	t.Helper()
	var plan strings.Builder
	_, err := f.db.Select(t.Context(), conn.Query{SQL: "EXPLAIN indexes = 1 " + sql}, func(rows driver.Rows) error {
		var line string
		err := rows.Scan(&line)
		plan.WriteString(line + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Name: ` + index + `\n(?:.*\n)*?\s*Granules: (\d+)/(\d+)`).FindStringSubmatch(plan.String())
	if found == nil {
		t.Fatalf("index %s is not asked:\n%s", index, plan.String())
	}
	left, _ = strconv.Atoi(found[1])
	of, _ = strconv.Atoi(found[2])
	return left, of
}

// Of a key it is known of which types its values are and whether there are others,
// unless a record was stored before that was kept.
func TestKeysKnowWhereTheirValuesAre(t *testing.T) {
	f := newFixture(t)
	raw := func(key string) attribute.KeyValue {
		return attribute.KeyValue{Key: key, Value: attribute.BytesValue("\x00")}
	}
	at := now.UnixNano() - 1
	f.insert(t, "default", nil, Record{Time: at, Attributes: []attribute.KeyValue{str("a", "1"), str("b", "1"), raw("c"), str("d", "500"), num("e", 7)}})
	f.insert(t, "default", nil, Record{Time: at, Body: attribute.IntValue(1), Attributes: []attribute.KeyValue{num("a", 1), raw("b")}})
	if err := f.db.Exec(t.Context(), "INSERT INTO log_keys (tenant, retention_days, day, key) VALUES ('default', 30, today(), 'd')"); err != nil {
		t.Fatal(err)
	}
	known, err := f.Survey(t.Context(), "default", hour.From, now, Asked{true, true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	f.insert(t, "default", nil, Record{Time: at, Body: attribute.StringValue("größe")})
	if some, err := f.Survey(t.Context(), "default", hour.From, now, Asked{Beyond: true}); err != nil || !some.Beyond || some.Structured {
		t.Errorf("survey of characters: %+v, %v", some, err)
	}
	keys := known.Keys
	if !known.Structured || !known.Unnumbered || known.Beyond { // one has a number as body, all no severity
		t.Errorf("survey: %+v", known)
	}
	if some, err := f.Survey(t.Context(), "default", hour.From, now, Asked{Structured: true}); err != nil || !some.Structured || some.Unnumbered || some.Keys.Record != nil {
		t.Errorf("survey of bodies: %+v, %v", some, err)
	}
	if d := cmp.Diff([]string{"a", "b", "c", "d", "e"}, keys.Record); d != "" {
		t.Errorf("keys:\n%s", d)
	}
	want := map[string]attrcol.Types{"a": attrcol.Strings | attrcol.Ints, "b": attrcol.Strings | attrcol.Other, "c": attrcol.Other, "d": attrcol.Strings | attrcol.Unknown, "e": attrcol.Ints}
	if d := cmp.Diff(want, keys.Types); d != "" {
		t.Errorf("types of keys:\n%s", d)
	}
}
