package logstore

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
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

func num(key string, v int64) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.IntValue(v)}
}

// fixture is a database and a store on it.
type fixture struct {
	*Store
	db  *conn.DB
	seq *Sequence
	n   int
}

func newFixture(t *testing.T) *fixture {
	db := storagetest.DB(t)
	return &fixture{Store: New(db, resourcestore.New(db)), db: db, seq: NewSequence()}
}

// insert stores records of one resource and scope.
func (f *fixture) insert(t *testing.T, id tenant.ID, resource []attribute.KeyValue, records ...Record) {
	t.Helper()
	res := resourcestore.NewBatch(id, 30, resourcestore.NewKnown(1))
	rid, service := res.Resource(now, &resourcestore.Resource{Attributes: resource})
	scope := res.Scope(now, &resourcestore.Scope{Name: "lib"})
	logs := NewBatch(id, 30, f.seq)
	for i := range records {
		r := records[i]
		r.Service, r.ResourceID, r.ScopeID = service, rid, scope
		logs.Append(&r)
	}
	blocks, err := res.Blocks(nil)
	if err == nil {
		blocks, err = logs.Blocks(blocks)
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

func (f *fixture) sel(t *testing.T, filter Filter, p Page) Result {
	t.Helper()
	res, err := f.Select(t.Context(), "default", filter, p)
	if err != nil {
		t.Fatalf("%+v: %v", filter, err)
	}
	return res
}

var hour = Filter{From: now.Add(-time.Hour), To: now}

func TestRecordsComeBackAsSent(t *testing.T) {
	f := newFixture(t)
	bodies := []attribute.Value{
		attribute.StringValue("it's \\ `q` \x00\n ünï"), attribute.StringValue(""), {}, attribute.BoolValue(true), attribute.IntValue(-5), attribute.DoubleValue(0.1), attribute.BytesValue("\x00\xff"),
		attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[{"stringValue":"a"}]}}`), attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"1"}}]}}`),
	}
	var sent []Record
	for i, body := range bodies {
		sent = append(sent, Record{
			Time: now.UnixNano() - int64(i+1), ObservedTime: now.UnixNano() + 7, SeverityNumber: uint8(i), SeverityText: "warn", TraceID: [16]byte{1, byte(i)}, SpanID: [8]byte{2, 0, byte(i)},
			Flags: 1, EventName: "ev", Body: body, Attributes: []attribute.KeyValue{num("a.b", int64(i)), str("a", "x")}, Dropped: 3,
		})
	}
	sent = append(sent, Record{ObservedTime: now.UnixNano() - 100})
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "cart"), num("cpus", 8)}, sent...)
	res := f.sel(t, hour, Page{})
	if len(res.Rows) != len(sent) || res.Truncated || res.Stats.Rows == 0 {
		t.Fatalf("%d rows, truncated %v, stats %+v", len(res.Rows), res.Truncated, res.Stats)
	}
	for i, got := range res.Rows {
		want := sent[i]
		if want.Time == 0 {
			want.Time = want.ObservedTime
		}
		attribute.Sort(want.Attributes)
		if got.ID == 0 || got.Service != "cart" || got.Resource.Service != "cart" || len(got.Resource.Attributes) != 2 || got.Scope.Name != "lib" {
			t.Errorf("row %d: id %d, service %q, resource %+v, scope %+v", i, got.ID, got.Service, got.Resource, got.Scope)
		}
		back := Record{Time: got.Time, ObservedTime: got.ObservedTime, SeverityNumber: got.SeverityNumber, SeverityText: got.SeverityText, TraceID: got.TraceID, SpanID: got.SpanID,
			Flags: got.Flags, EventName: got.EventName, Body: got.Body, Attributes: got.Attributes, Dropped: got.Dropped}
		if d := gocmp.Diff(want, back, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("row %d (-sent +read):\n%s", i, d)
		}
	}
}

func TestFilters(t *testing.T) {
	f := newFixture(t)
	at := func(minutes int) int64 { return now.Add(-time.Duration(minutes) * time.Minute).UnixNano() }
	trace, span := [16]byte{9}, [8]byte{8}
	body := attribute.StringValue
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "cart"), str("env", "prod")},
		Record{Time: at(1), SeverityNumber: 9, Body: body("c1 Timeout `x` 'y'"), TraceID: trace, SpanID: span, Attributes: []attribute.KeyValue{num("status", 500)}},
		Record{Time: at(2), SeverityNumber: 17, Body: body("c2 timed out"), TraceID: trace, Attributes: []attribute.KeyValue{str("status", "500")}})
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "pay's"), str("env", "test")},
		Record{Time: at(3), SeverityNumber: 13, Body: body(`p1 100% \d ÄRGER`), Attributes: []attribute.KeyValue{num("status", 404), str("env", "prod")}},
		Record{Time: at(59), SeverityNumber: 0, Body: body("p2")})
	f.insert(t, "other", []attribute.KeyValue{str("service.name", "cart"), str("env", "prod")}, Record{Time: at(1), Body: body("o1 timeout"), TraceID: trace, Attributes: []attribute.KeyValue{num("status", 500)}})

	match := func(ms ...attrcol.Matcher) Filter { return Filter{Attributes: ms} }
	for _, c := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all", Filter{}, "c1 c2 p1 p2"},
		{"range", Filter{From: time.Unix(0, at(3)), To: time.Unix(0, at(1))}, "c2 p1"},
		{"service", Filter{Services: []string{"pay's"}}, "p1 p2"},
		{"services", Filter{Services: []string{"pay's", "cart", "nope"}}, "c1 c2 p1 p2"},
		{"no such service", Filter{Services: []string{"' OR 1=1 --"}}, ""},
		{"severity", Filter{MinSeverity: 13}, "c2 p1"},
		{"severities", Filter{MinSeverity: 9, MaxSeverity: 13}, "c1 p1"},
		{"trace", Filter{TraceID: &trace}, "c1 c2"},
		{"span", Filter{TraceID: &trace, SpanID: &span}, "c1"},
		{"text", Filter{Text: "TIME"}, "c1 c2"},
		{"text, quotes", Filter{Text: "`x` 'Y'"}, "c1"},
		{"text, wildcards", Filter{Text: `0% \D`}, "p1"},
		{"text, beyond ASCII", Filter{Text: "ärger"}, "p1"},
		{"attribute of any type", match(attrcol.Matcher{Key: "status", Value: "500"}), "c1 c2"},
		{"attribute, not", match(attrcol.Matcher{Key: "status", Op: attrcol.NotEqual, Value: "500"}), "p1 p2"},
		{"attribute, greater", match(attrcol.Matcher{Key: "status", Op: attrcol.Greater, Value: "404"}), "c1 c2"},
		{"own before resource", match(attrcol.Matcher{Key: "env", Value: "prod"}), "c1 c2 p1"},
		{"resource", match(attrcol.Matcher{Key: "env", Value: "prod", Scope: attrcol.Resource}), "c1 c2"},
		{"own", match(attrcol.Matcher{Key: "env", Value: "prod", Scope: attrcol.Record}), "p1"},
		{"all of them", match(attrcol.Matcher{Key: "env", Value: "prod"}, attrcol.Matcher{Key: "status", Op: attrcol.Regexp, Value: "5.."}, attrcol.Matcher{Key: "service.name", Value: "cart"}), "c1 c2"},
		{"injected", match(attrcol.Matcher{Key: "a` OR 1=1 --", Value: "' OR 1=1 --"}), ""},
	} {
		if c.filter.From.IsZero() {
			c.filter.From, c.filter.To = hour.From, hour.To
		}
		for _, forward := range []bool{false, true} {
			var got []string
			for _, r := range f.sel(t, c.filter, Page{Forward: forward}).Rows {
				got = append(got, r.Body.Str[:2])
			}
			if forward {
				slices.Reverse(got)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s, forward %v: %q, want %q", c.name, forward, s, c.want)
			}
		}
	}
	var bad *attrcol.MatcherError
	if _, err := f.Select(t.Context(), "default", Filter{From: hour.From, To: hour.To, Attributes: []attrcol.Matcher{{Key: "k", Op: attrcol.Regexp, Value: "("}}}, Page{}); !errors.As(err, &bad) {
		t.Errorf("bad pattern: %v", err)
	}
	if _, err := f.Select(t.Context(), "default", hour, Page{Limit: MaxLimit + 1}); conn.ClassOf(err) != conn.Limit {
		t.Errorf("above the limit: %v", err)
	}
	if res, err := f.Select(t.Context(), "default", Filter{}, Page{}); err != nil || len(res.Rows) != 0 {
		t.Errorf("no range: %v, %v", res, err)
	}
}

// Pages neither skip nor repeat, also where many records have one time, in both
// directions and over gaps.
func TestPaging(t *testing.T) {
	f := newFixture(t)
	rng := rand.New(rand.NewPCG(1, 2))
	type key struct {
		time int64
		id   uint64
	}
	start := now.Add(-3 * 24 * time.Hour)
	var times []int64
	for range 40 { // few times, so that most are shared
		gap := []time.Duration{time.Nanosecond, time.Second, 5 * time.Minute, 3 * time.Hour}[rng.IntN(4)]
		start = start.Add(time.Duration(rng.Int64N(int64(gap)) + 1))
		times = append(times, start.UnixNano())
	}
	for service := range 5 {
		var records []Record
		for range 60 {
			records = append(records, Record{Time: times[rng.IntN(len(times))], Body: attribute.StringValue(fmt.Sprint("keep ", rng.IntN(2)))})
		}
		f.insert(t, "default", []attribute.KeyValue{str("service.name", fmt.Sprint("svc-", service))}, records...)
	}
	filter := Filter{From: now.Add(-10 * 24 * time.Hour), To: now.Add(time.Hour), Text: "keep 1"}
	all := f.sel(t, filter, Page{Limit: MaxLimit})
	if all.Truncated || len(all.Rows) < 100 || !slices.IsSortedFunc(all.Rows, func(a, b Row) int { return -cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID)) }) {
		t.Fatalf("%d rows, truncated %v, or not newest first", len(all.Rows), all.Truncated)
	}
	var want []key
	for _, r := range all.Rows {
		want = append(want, key{r.Time, r.ID})
	}
	for _, forward := range []bool{false, true} {
		for _, limit := range []int{11, 64, len(want) - 1, len(want), len(want) + 1} {
			var got []key
			page := Page{Limit: limit, Forward: forward}
			for range len(want) + 1 {
				res := f.sel(t, filter, page)
				for _, r := range res.Rows {
					got = append(got, key{r.Time, r.ID})
				}
				if !res.Truncated {
					break
				}
				if len(res.Rows) != limit {
					t.Fatalf("a page of %d rows, limit %d, says there are more", len(res.Rows), limit)
				}
				c := res.Rows[len(res.Rows)-1].Cursor()
				page.After = &c
			}
			if forward {
				slices.Reverse(got)
			}
			if !slices.Equal(got, want) {
				t.Errorf("forward %v, limit %d: %d records in pages, %d at once, or in another order", forward, limit, len(got), len(want))
			}
		}
	}
}

// The newest records are found without reading the days before them.
func TestNewestReadsLittle(t *testing.T) {
	f := newFixture(t)
	const total, step = 1_000_000, 400_000_000 // five days
	err := f.db.Exec(t.Context(), fmt.Sprintf(`INSERT INTO logs (tenant, retention_days, service_name, time, id, severity_number, body, body_kind)
		SELECT 'default', 30, concat('svc-', toString(number %% 4)), fromUnixTimestamp64Nano(%d - toInt64(number) * %d, 'UTC'), number, 9, concat('message ', toString(number)), 1
		FROM numbers(%d) SETTINGS max_partitions_per_insert_block = 100`, now.UnixNano()-1, step, total))
	if err != nil {
		t.Fatal(err)
	}
	week := Filter{From: now.Add(-7 * 24 * time.Hour), To: now}
	for _, forward := range []bool{false, true} {
		if forward {
			week.From = now.Add(-total * step) // where the records begin
		}
		res := f.sel(t, week, Page{Forward: forward})
		if len(res.Rows) != 100 || !res.Truncated {
			t.Fatalf("%d rows, truncated %v", len(res.Rows), res.Truncated)
		}
		if res.Stats.Rows > total/5 {
			t.Errorf("forward %v: 100 of %d records by reading %d rows", forward, total, res.Stats.Rows)
		}
		t.Logf("forward %v: 100 of %d records by reading %d rows in %v", forward, total, res.Stats.Rows, res.Stats.Elapsed)
	}
}

func TestLabels(t *testing.T) {
	f := newFixture(t)
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "cart"), str("env", "prod")},
		Record{Time: now.UnixNano() - 1, Attributes: []attribute.KeyValue{num("a.b", 5), {Key: "raw", Value: attribute.BytesValue("x")}, str("env", "dev")}},
		Record{Time: now.UnixNano() - 2, Attributes: []attribute.KeyValue{str("a.b", "5"), {Key: "ok", Value: attribute.BoolValue(true)}}},
		Record{Time: now.Add(-2 * time.Hour).UnixNano(), Attributes: []attribute.KeyValue{str("early", "1")}})
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "idle"), str("env", "test"), str("idle", "1")})
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "gone"), str("env", "old"), str("gone", "1")}, Record{Time: hour.From.UnixNano() - 1})
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "to come"), str("env", "new"), str("come", "1")}, Record{Time: hour.To.UnixNano()})
	f.insert(t, "other", []attribute.KeyValue{str("secret", "1")}, Record{Time: now.UnixNano() - 1, Attributes: []attribute.KeyValue{str("hidden", "1")}})
	if n, err := f.Services(t.Context(), "default", hour.From, hour.To, 0); err != nil || strings.Join(n.Values, " ") != "cart" {
		t.Errorf("services that log: %q, %v", n.Values, err)
	}
	names := func(limit int) Names {
		n, err := f.LabelNames(t.Context(), "default", hour.From, hour.To, limit)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := names(0); strings.Join(n.Values, " ") != "a.b env ok raw service.name" || n.Truncated {
		t.Errorf("names %q, truncated %v", n.Values, n.Truncated)
	}
	if n := names(2); strings.Join(n.Values, " ") != "a.b env" || !n.Truncated {
		t.Errorf("two names %q, truncated %v", n.Values, n.Truncated)
	}
	for key, want := range map[string]string{"a.b": "5", "env": "dev prod", "ok": "true", "raw": "eA==", "hidden": "", "it's `x`": ""} {
		n, err := f.LabelValues(t.Context(), "default", key, hour.From, hour.To, 0)
		if err != nil || strings.Join(n.Values, " ") != want {
			t.Errorf("values of %s: %q, %v; want %q", key, n.Values, err, want)
		}
	}
}

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	trace := [16]byte{1, 2, 0xff}
	var b strings.Builder
	for _, c := range []struct {
		name   string
		filter Filter
		page   Page
	}{
		{"newest", Filter{From: at, To: at.Add(time.Hour)}, Page{Limit: 100}},
		{"filtered", Filter{From: at, To: at.Add(time.Hour), Services: []string{"a", "it's"}, MinSeverity: 17, Text: "time`out'", Attributes: []attrcol.Matcher{{Key: "http.status", Value: "500"}}}, Page{Limit: 100, Forward: true}},
		{"trace, second page", Filter{From: at, To: at.Add(time.Hour), TraceID: &trace, SpanID: &[8]byte{3}}, Page{Limit: 100, After: &Cursor{at.UnixNano() + 1, 7}}},
	} {
		where, err := c.filter.conditions(c.filter.bind("default"))
		if err != nil {
			t.Fatal(err)
		}
		w := newWindows(c.filter, c.page)
		w.next()
		sql := pageSelect(where, w, c.page, c.page.Limit+1).SQL()
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: sql}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	f := Filter{From: at, To: at.Add(time.Hour), Services: []string{"a"}}
	for name, sel := range map[string]func() (chsql.Select, error){
		"survey": func() (chsql.Select, error) {
			return surveySelect("default", f.From, f.To, Asked{true, true, true, true})
		},
		"texts": func() (chsql.Select, error) { return textsSelect("default", f, 10) },
		"shapes": func() (chsql.Select, error) {
			return shapesSelect("default", f, at.Add(time.Minute), []Shape{{"it's 100%", "_"}, {"b"}})
		},
	} {
		s, err := sel()
		if err != nil {
			t.Fatal(err)
		}
		storagetest.Golden(t, name+".sql", s.SQL()+"\n")
		if _, err := db.Select(t.Context(), conn.Query{SQL: s.SQL()}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		page     Page
	}{
		{0, 1, Page{}}, {0, int64(time.Hour), Page{}}, {0, int64(1000 * time.Hour), Page{Forward: true}}, {-2208988800_000000000, 9223372035_000000000, Page{}},
		{5, 5, Page{}}, {0, 100, Page{After: &Cursor{Time: 50}}}, {0, 100, Page{Forward: true, After: &Cursor{Time: 50}}},
	} {
		w := newWindows(Filter{From: time.Unix(0, c.from), To: time.Unix(0, c.to)}, c.page)
		lo, hi := w.rest[0], w.rest[1]
		next := hi
		if c.page.Forward {
			next = lo
		}
		n := 0
		for ; w.next(); n++ {
			w.widen(n%3*40, 101-n%3*40)
			if c.page.Forward && w.from != next || !c.page.Forward && w.to != next || w.from >= w.to {
				t.Fatalf("%+v: window [%d, %d) behind %d", c, w.from, w.to, next)
			}
			next = w.from
			if c.page.Forward {
				next = w.to
			}
		}
		if end := map[bool]int64{false: lo, true: hi}[c.page.Forward]; next != end || n > 20 {
			t.Errorf("%+v: %d windows end at %d, want %d", c, n, next, end)
		}
	}
}
