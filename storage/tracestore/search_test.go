package tracestore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// The statements of searches and series, each of which the server takes.
func TestSearchGoldens(t *testing.T) {
	db := storagetest.DB(t)
	const from, to = 1772366400000000000, 1772366460000000000
	field := func(k FieldKind, key string) Field { return Field{k, key} }
	str, num := attribute.StringValue, attribute.IntValue
	search := func(where Condition, also ...Condition) func() (chsql.Select, error) {
		return func() (chsql.Select, error) {
			return candidateSelect("default", Search{From: from, To: to, Where: where, Also: also, Limit: 20})
		}
	}
	compare := func(f Field, op attrcol.Op, v attribute.Value) Condition { return Compare{f, op, v} }
	failed := compare(field(SpanStatus, ""), attrcol.Equal, num(2))
	var b strings.Builder
	for _, c := range []struct {
		name string
		sel  func() (chsql.Select, error)
	}{
		{"status and service", search(And{failed, compare(field(ServiceName, ""), attrcol.Equal, str("it's"))})},
		{"user.id", search(compare(field(SpanAttribute, "user.id"), attrcol.Equal, str("u1")))},
		{"number above", search(compare(field(SpanAttribute, "size"), attrcol.Greater, attribute.DoubleValue(1.5)))},
		{"of span or resource", search(compare(field(AnyAttribute, "env"), attrcol.NotEqual, str("prod")))},
		{"absent", search(Not{Exists{field(SpanAttribute, "retry")}})},
		{"event", search(And{compare(field(EventName, ""), attrcol.Regexp, str("^ex")), compare(field(EventAttribute, "type"), attrcol.Equal, str("T"))})},
		{"link and scope", search(Or{compare(field(LinkTrace, ""), attrcol.Equal, attribute.BytesValue(strings.Repeat("\x01", 16))), compare(field(ScopeName, ""), attrcol.Equal, str("lib"))})},
		{"of the trace", search(And{compare(field(RootName, ""), attrcol.Equal, str("GET /")), compare(field(TraceDuration, ""), attrcol.Greater, num(1e9))})},
		{"two spans", search(failed, compare(field(SpanKind, ""), attrcol.Equal, num(3)))},
		{"aggregate", func() (chsql.Select, error) {
			return aggregateSelect("default", Aggregation{From: from, Step: 30e9, Steps: 2, Where: failed, By: []Field{field(ResourceAttribute, "env"), field(SpanAttribute, "user.id")},
				Value: &Field{SpanDuration, ""}, Quantiles: []float64{0.5, 0.99}, Limit: 100})
		}},
		{"aggregate of known types", func() (chsql.Select, error) {
			known := KeyTypes{To: 1 << 62, Of: map[string]attrcol.Types{"user.id": attrcol.Strings, "size": attrcol.Ints}}
			return aggregateSelect("default", Aggregation{From: from, Step: 30e9, Steps: 2, Where: Exists{field(SpanAttribute, "size")}, By: []Field{field(SpanAttribute, "user.id")},
				Value: &Field{SpanAttribute, "size"}, Limit: 100, Types: known})
		}},
		{"histogram", func() (chsql.Select, error) {
			return aggregateSelect("default", Aggregation{From: from, Step: 60e9, Steps: 1, Where: All{}, Value: &Field{SpanAttribute, "size"}, Histogram: true, Limit: 100})
		}},
		{"values", func() (chsql.Select, error) {
			return valuesSelect(&conditions{tenant: "default", from: from, to: to}, All{}, field(SpanAttribute, "user.id"), 1000, 10)
		}},
		{"red", func() (chsql.Select, error) {
			return redSelect("default", RED{From: from, To: to, Step: 60e9, Services: []string{"a", "b"}, ByName: true, Limit: 10})
		}},
		{"graph", func() (chsql.Select, error) { return graphSelect("default", from, to, 10), nil }},
		{"calls by step", func() (chsql.Select, error) {
			return countCallsSelect("default", Counting{From: from, To: to, Step: 60e9, Limit: 10}), nil
		}},
		{"spans by step", func() (chsql.Select, error) {
			return countSpansSelect("default", Counting{From: from, To: to, Step: 60e9, Limit: 10}), nil
		}},
	} {
		sel, err := c.sel()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, sel.SQL())
		if _, err := db.Select(t.Context(), conn.Query{SQL: sel.SQL()}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "search.sql", b.String())
}

// A page of spans says that there are more, and a trace is not cut short in
// silence.
func TestSpansOfTells(t *testing.T) {
	db := storagetest.DB(t)
	at := now.UnixNano()
	var records []Record
	for i := range 10 {
		records = append(records, Record{TraceID: [16]byte{1}, SpanID: [8]byte{byte(i)}, Start: at + int64(i), End: at + int64(i), Attributes: []attribute.KeyValue{str("a", "x"), str("b`c", "y")}})
	}
	insert(t, db, "default", "a", records...)
	s := New(db, resourcestore.New(db))
	for _, need := range []Need{{}, {Keys: []string{"a", "b`c", "missing"}}, {Parts: AllParts &^ Details}} {
		list, truncated, _, err := s.SpansOf(t.Context(), "default", [][16]byte{{1}, {2}}, need, 4)
		if err != nil || len(list) != 4 || !truncated || list[0].Service != "cart" {
			t.Errorf("%+v: %d spans, truncated %v, %v", need, len(list), truncated, err)
		}
		if want := 2; (need.has(Attributes) || len(need.Keys) > 0) && len(list[0].Attributes) != want {
			t.Errorf("%+v: attributes %v", need, list[0].Attributes)
		}
	}
	if list, _, _, err := s.SpansOf(t.Context(), "other", [][16]byte{{1}}, Need{}, 4); err != nil || len(list) != 0 {
		t.Errorf("another tenant's: %d spans, %v", len(list), err)
	}
}

// A search finds the same traces by what is known of keys' types, and knows nothing of
// days from before it was noted.
func TestKeyTypes(t *testing.T) {
	db := storagetest.DB(t)
	at := now.UnixNano()
	list := attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[{"stringValue":"x"}]}}`)
	insert(t, db, "default", "a",
		Record{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Start: at, End: at, Attributes: []attribute.KeyValue{str("only", "x"), str("both", "x"), {Key: "n", Value: attribute.IntValue(5)}}},
		Record{TraceID: [16]byte{2}, SpanID: [8]byte{2}, Start: at, End: at, Attributes: []attribute.KeyValue{{Key: "both", Value: list}}})
	s := New(db, resourcestore.New(db))
	keys := []string{"only", "both", "n", "missing"}
	known, _, err := s.KeyTypes(t.Context(), "default", at, at+1, keys)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]attrcol.Types{"only": attrcol.Strings, "both": attrcol.Strings | attrcol.Other, "n": attrcol.Ints}
	if d := cmp.Diff(want, known.Of); d != "" {
		t.Errorf("types:\n%s", d)
	}
	for key, traces := range map[string]int{"only": 1, "both": 2} {
		search := Search{From: at, To: at + 1, Where: Compare{Field: Field{SpanAttribute, key}, Value: attribute.StringValue("x")}, Limit: 10, Types: known}
		found, _, err := s.Candidates(t.Context(), "default", search)
		if err != nil || len(found) != traces {
			t.Errorf("%s: %d traces, %v; want %d", key, len(found), err, traces)
		}
		spans, _, _, err := s.SpansOf(t.Context(), "default", [][16]byte{{1}, {2}}, Need{Keys: []string{key}, Types: known}, 10)
		n := 0
		for _, span := range spans {
			n += len(span.Attributes)
		}
		if err != nil || n != traces {
			t.Errorf("%s: %d spans have it, %v; want %d", key, n, err, traces)
		}
	}
	if err := db.Exec(t.Context(), "INSERT INTO span_key_types VALUES ('default', 30, ?, '', 'unknown')", now.Truncate(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	known, _, err = s.KeyTypes(t.Context(), "default", at, at+1, keys)
	if err != nil || !known.Of["only"].May(attrcol.Other) {
		t.Errorf("types on a day that was not noted: %v, %v", known.Of, err)
	}
}
