package tracestore

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// now is recent, since what is over its retention goes at the first merge.
var now = time.Now().UTC().Truncate(time.Second)

func str(key, v string) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.StringValue(v)}
}

// insert stores records of one resource and scope in one batch.
func insert(t *testing.T, db *conn.DB, id tenant.ID, token string, records ...Record) {
	t.Helper()
	res := resourcestore.NewBatch(id, 30, resourcestore.NewKnown(1))
	rid, service := res.Resource(now, &resourcestore.Resource{Attributes: []attribute.KeyValue{str("service.name", "cart"), str("env", "prod")}})
	scope := res.Scope(now, &resourcestore.Scope{Name: "lib"})
	b := NewBatch(id, 30)
	for i := range records {
		r := records[i]
		r.Service, r.ResourceID, r.ScopeID = service, rid, scope
		b.Append(&r)
	}
	blocks, err := res.Blocks(nil)
	if err == nil {
		blocks, err = b.Blocks(blocks)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		if err := db.Insert(t.Context(), blocks[i].Table, fmt.Sprint(token, id, i), blocks[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTraceComesBackAsSent(t *testing.T) {
	db := storagetest.DB(t)
	trace := [16]byte{0xff, 0, '\''}
	start := now.Add(-30 * time.Hour).UnixNano() // a trace over midnight
	attrs := []attribute.KeyValue{
		{Key: "a", Value: attribute.IntValue(1)}, {Key: "a.b", Value: attribute.DoubleValue(1)}, {Key: "ok", Value: attribute.BoolValue(true)},
		{Key: "raw", Value: attribute.BytesValue("\x00")}, {Key: "x", Value: attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[]}}`)},
	}
	var sent []Record
	for i := range 4 {
		sent = append(sent, Record{
			TraceID: trace, SpanID: [8]byte{byte(i + 1)}, Parent: [8]byte{byte(i)}, TraceState: "k=v", Flags: 0x101, Name: "it's `op`", Kind: 2,
			Start: start + int64(i)*int64(8*time.Hour), End: start + int64(i)*int64(8*time.Hour) + 5, StatusCode: 2, StatusMessage: "no \\ \x00",
			Attributes: attrs, DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		})
		for j := range i {
			sent[i].Events = append(sent[i].Events, Event{Time: start + int64(j), Name: "ev", Attributes: attrs[:j], Dropped: uint32(j)})
			sent[i].Links = append(sent[i].Links, Link{TraceID: [16]byte{byte(j)}, SpanID: [8]byte{9}, TraceState: "l", Flags: 1, Attributes: attrs, Dropped: uint32(j)})
		}
	}
	insert(t, db, "default", "a", sent[2], sent[0])
	insert(t, db, "default", "b", sent[1], Record{TraceID: [16]byte{1}, Name: "another", Start: start, End: start})
	insert(t, db, "default", "c", sent[3])
	insert(t, db, "other", "d", Record{TraceID: trace, Name: "secret", Start: start, End: start})

	s := New(db, resourcestore.New(db))
	res, err := s.Trace(t.Context(), "default", trace, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Spans) != len(sent) || res.Total != len(sent) || res.Truncated || res.Stats.Rows == 0 {
		t.Fatalf("%d spans, total %d, truncated %v, %+v", len(res.Spans), res.Total, res.Truncated, res.Stats)
	}
	for i, got := range res.Spans {
		if got.Service != "cart" || got.Resource.Service != "cart" || len(got.Resource.Attributes) != 2 || got.Scope.Name != "lib" {
			t.Errorf("span %d: service %q, resource %+v, scope %+v", i, got.Service, got.Resource, got.Scope)
		}
		back := Record{TraceID: got.TraceID, SpanID: got.SpanID, Parent: got.Parent, TraceState: got.TraceState, Flags: got.Flags, Name: got.Name, Kind: got.Kind,
			Start: got.Start, End: got.Start + int64(got.Duration), StatusCode: got.StatusCode, StatusMessage: got.StatusMessage, Attributes: got.Attributes, Events: got.Events, Links: got.Links,
			DroppedAttributes: got.DroppedAttributes, DroppedEvents: got.DroppedEvents, DroppedLinks: got.DroppedLinks}
		if d := gocmp.Diff(sent[i], back, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("span %d (-sent +read):\n%s", i, d)
		}
	}

	part, err := s.Trace(t.Context(), "default", trace, 3)
	if err != nil || len(part.Spans) != 3 || part.Total != 4 || !part.Truncated || part.Spans[0].SpanID != sent[0].SpanID {
		t.Errorf("three spans: %d, total %d, truncated %v, %v", len(part.Spans), part.Total, part.Truncated, err)
	}
	if _, err := s.Trace(t.Context(), "default", [16]byte{7}, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown trace: %v", err)
	}
	if _, err := s.Trace(t.Context(), "nobody", trace, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("another tenant's trace: %v", err)
	}
	if _, err := s.Trace(t.Context(), "default", trace, MaxLimit+1); conn.ClassOf(err) != conn.Limit {
		t.Errorf("above the limit: %v", err)
	}
}

// A trace is found without reading the other days, nor the other traces of its
// own.
func TestTraceReadsLittle(t *testing.T) {
	db := storagetest.DB(t)
	const total, step = 500_000, 800_000_000 // four and a half days, ten spans a trace
	first := now.Add(-5 * 24 * time.Hour).UnixNano()
	from := fmt.Sprintf(`SELECT 'default', 30, reinterpret(sipHash128(intDiv(number, 10)), 'FixedString(16)') AS trace_id, fromUnixTimestamp64Nano(%d + toInt64(number) * %d, 'UTC') AS start`, first, step)
	for _, sql := range []string{
		"INSERT INTO spans (tenant, retention_days, trace_id, start_time, span_id, service_name, name, duration) " + from +
			", reinterpret(number, 'FixedString(8)'), concat('svc-', toString(number % 5)), concat('op-', toString(number % 50)), 1000000",
		"INSERT INTO trace_index (tenant, retention_days, trace_id, start_time, day, end_time) " + from + ", toDate(start), start + INTERVAL 1 MILLISECOND",
	} {
		if err := db.Exec(t.Context(), sql+fmt.Sprintf(" FROM numbers(%d)", total)); err != nil {
			t.Fatal(err)
		}
	}
	var id string
	if _, err := db.Select(t.Context(), conn.Query{SQL: "SELECT trace_id FROM spans WHERE span_id = reinterpret(toUInt64(123456), 'FixedString(8)')"}, func(r driver.Rows) error { return r.Scan(&id) }); err != nil {
		t.Fatal(err)
	}
	s := New(db, resourcestore.New(db))
	res, err := s.Trace(t.Context(), "default", [16]byte([]byte(id)), 0)
	if err != nil || len(res.Spans) != 10 {
		t.Fatalf("%d spans, %v", len(res.Spans), err)
	}
	if res.Stats.Rows > total/4 {
		t.Errorf("10 of %d spans by reading %d rows", total, res.Stats.Rows)
	}
	t.Logf("10 of %d spans by reading %d rows in %v", total, res.Stats.Rows, res.Stats.Elapsed)
}

func TestLabels(t *testing.T) {
	db := storagetest.DB(t)
	at := now.UnixNano()
	insert(t, db, "default", "a", Record{Start: at - 1, End: at, Attributes: []attribute.KeyValue{{Key: "http.status", Value: attribute.IntValue(500)}, str("env", "dev")}},
		Record{Start: at - 2, End: at, Attributes: []attribute.KeyValue{str("http.status", "oops")}})
	insert(t, db, "other", "b", Record{Start: at - 1, End: at, Attributes: []attribute.KeyValue{str("hidden", "1")}})
	others := resourcestore.NewBatch("default", 30, resourcestore.NewKnown(1))
	others.Resource(now, &resourcestore.Resource{Attributes: []attribute.KeyValue{str("service.name", "logs only"), str("env", "test"), str("logs", "1")}})
	blocks, err := others.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Insert(t.Context(), blocks[0].Table, "others", blocks); err != nil {
		t.Fatal(err)
	}
	s := New(db, resourcestore.New(db))
	n, err := s.LabelNames(t.Context(), "default", now.Add(-time.Hour), now, 0)
	if err != nil || strings.Join(n.Values, " ") != "env http.status service.name" || n.Truncated {
		t.Errorf("names %q, %v, %v", n.Values, n.Truncated, err)
	}
	for key, want := range map[string]string{"http.status": "500 oops", "env": "dev prod", "hidden": ""} {
		if n, err := s.LabelValues(t.Context(), "default", key, now.Add(-time.Hour), now, 0); err != nil || strings.Join(n.Values, " ") != want {
			t.Errorf("values of %s: %q, %v", key, n.Values, err)
		}
	}
}

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	id := [16]byte{1, 2, 0xff}
	of, at := ofTraces("default", [][16]byte{id}), time.Unix(1772366430, 0).UnixNano()
	where := places(slices.Clone(of), []extent{{id, at, at + 1}})
	other := [16]byte{3}
	two := ofTraces("default", [][16]byte{id, other})
	several := places(slices.Clone(two), []extent{{id, at, at + int64(time.Minute)}, {other, at, at}})
	long := places(slices.Clone(of), []extent{{id, at, at + int64(100*time.Hour)}})
	before1970 := places(slices.Clone(of), []extent{{id, -1, at}})
	var b strings.Builder
	for _, c := range []struct{ name, sql string }{
		{"extent", extentSelect(of).SQL()}, {"extents", extentSelect(two).SQL()}, {"spans", pageSelect(where, 101).SQL()}, {"count", countSelect(where).SQL()},
		{"several", countSelect(several).SQL()}, {"long", countSelect(long).SQL()}, {"before 1970", countSelect(before1970).SQL()},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sql}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}

// TestPlaces: whenever a trace was, all of its spans are found, by a look-up of its
// own and together with others, and its place is read and not the table.
func TestPlaces(t *testing.T) {
	db := storagetest.DB(t)
	s := New(db, resourcestore.New(db))
	starts := map[string][]time.Duration{
		"moment":   {0, 1},
		"border":   {59 * time.Second, 61 * time.Second},
		"edge":     {time.Minute - 1, time.Minute},
		"hours":    {0, time.Hour, 5 * time.Hour},
		"too long": {0, 60 * time.Hour, 5 * 24 * time.Hour},
	}
	base := now.Truncate(time.Minute)
	var ids [][16]byte
	var all []Record
	add := func(times []time.Time) {
		id := [16]byte{byte(len(ids) + 1), 7}
		ids = append(ids, id)
		for i, at := range times {
			all = append(all, Record{TraceID: id, SpanID: [8]byte{byte(i + 1)}, Start: at.UnixNano(), End: at.UnixNano() + 5})
		}
	}
	for _, offsets := range starts {
		times := make([]time.Time, len(offsets))
		for i, d := range offsets {
			times[i] = base.Add(d)
		}
		add(times)
	}
	for i := range all { // a request each, so that the index has several rows of a trace
		insert(t, db, "default", fmt.Sprint("places-", i), all[i])
	}
	for _, id := range ids {
		want := 0
		for i := range all {
			if all[i].TraceID == id {
				want++
			}
		}
		if r, err := s.Trace(t.Context(), "default", id, 0); err != nil || len(r.Spans) != want {
			t.Errorf("trace %x: %d spans, %v, want %d", id[:1], len(r.Spans), err, want)
		}
	}
	list, truncated, _, err := s.SpansOf(t.Context(), "default", ids, Need{}, 1000)
	if err != nil || truncated || len(list) != len(all) {
		t.Errorf("%d spans of all traces, %v, %v, want %d", len(list), truncated, err, len(all))
	}
}

// TestKeyIsUsed: the server finds minutes and traces by the table's order, which it
// does not see in conditions on start_time alone.
func TestKeyIsUsed(t *testing.T) {
	db := storagetest.DB(t)
	insert(t, db, "default", "key", Record{TraceID: [16]byte{1}, Start: now.UnixNano(), End: now.UnixNano() + 1})
	id, at := [16]byte{1}, now.UnixNano()
	search, err := candidateSelect("default", Search{From: at, To: at + 1, Where: All{}, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	named, err := candidateSelect("default", Search{From: at, To: at + 1, Where: Compare{Field: Field{Kind: IDOfTrace}, Value: attribute.StringValue(string(id[:]))}, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"time", search.SQL(), []string{"(toStartOfMinute(start_time) in "}},
		{"named trace", named.SQL(), []string{"(toStartOfMinute(start_time) in ", "(trace_id in "}},
		{"place", pageSelect(places(ofTraces("default", [][16]byte{id}), []extent{{id, at, at}}), 9).SQL(), []string{"(toStartOfMinute(start_time) in ", "(trace_id in "}},
		{"places", pageSelect(places(ofTraces("default", [][16]byte{id, {2}}), []extent{{id, at, at}, {[16]byte{2}, at, at}}), 9).SQL(), []string{"((toStartOfMinute(start_time), trace_id) in 2-element set)"}},
	} {
		var lines []string
		storagetest.Rows(t, db, "EXPLAIN indexes = 1 "+c.sql, func(rows driver.Rows) error {
			var line string
			err := rows.Scan(&line)
			lines = append(lines, line)
			return err
		})
		for _, want := range c.want {
			if !strings.Contains(strings.Join(lines, "\n"), want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, strings.Join(lines, "\n"))
			}
		}
	}
}

func pageSelect(where []chsql.Expr, limit int) chsql.Select {
	return traceReader().sel(where, inOrder(), limit)
}
