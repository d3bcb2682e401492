package query_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// loki asks the API of logs as logcli and Grafana do.
func (f *fixture) loki(path string, params ...string) answer {
	f.Helper()
	form := url.Values{}
	for i := 0; i < len(params); i += 2 {
		form.Add(params[i], params[i+1])
	}
	return f.request("acme", "GET /loki/api/v1/"+path+"?"+form.Encode(), "X-Loki-Response-Encoding-Flags", "categorize-labels")
}

func nano(t time.Time) string { return fmt.Sprint(t.UnixNano()) }

var logHour = []string{"start", nano(epoch.Add(-time.Minute)), "end", nano(epoch.Add(time.Minute))}

func TestLokiAnswers(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1).idle("acme-idle")
	f.open("rival", "rival", 2)
	for _, c := range []struct {
		path   string
		params []string
		want   []string // parts of the answer
	}{
		{"labels", logHour, []string{`"service_name"`, `"host_name"`, `"process_pid"`}},
		{"label/service_name/values", logHour, []string{`["acme-front","acme-pay"]`}},
		{"label/host_name/values", logHour, []string{`["h1"]`}}, // not of a resource without records
		{"label/host_name/values", append([]string{"query", `{service_name="acme-pay"}`}, logHour...), []string{`["h1"]`}},
		{"label/user_id/values", logHour, []string{`["u0","u1","u2","u3","u4"]`}},
		{"series", append([]string{"match[]", `{host.name="h1"}`}, logHour...), []string{`"service_name":"acme-front"`, `"service_name":"acme-pay"`}},
		{"query_range", append([]string{"query", `{service_name="acme-pay"} |= "REFUSED"`, "limit", "2"}, logHour...),
			[]string{`"resultType":"streams"`, `"structuredMetadata":{`, `"detected_level":"error"`, `"trace_id":"cd000000`, `"encodingFlags":["categorize-labels"]`, `"cursor":"`, `"totalEntriesReturned":2`}},
		{"query_range", append([]string{"query", `sum by (detected_level) (count_over_time({service_name=~"acme.*"}[1m]))`, "step", "60"}, logHour...),
			[]string{`"resultType":"matrix"`, `{"metric":{"detected_level":"error"},"values":[[1700000060,"5"]]}`, `{"metric":{"detected_level":"info"},"values":[[1700000000,"1"],[1700000060,"14"]]}`}},
		{"query", []string{"query", `sum(count_over_time({trace_id=~".+"}[1m])) * 2`, "time", nano(epoch.Add(time.Minute))}, []string{`"resultType":"vector"`, `"10"`}},
		{"query", []string{"query", `sum(count_over_time({n="7"} | n > 6.5 [1m]))`, "time", nano(epoch.Add(time.Minute))}, []string{`"value":[1700000060,"1"]`}},
		{"query", []string{"query", "1 + 1"}, []string{`"resultType":"scalar"`, `"2"`}},
		{"index/stats", append([]string{"query", `{service_name="acme-pay"}`}, logHour...), []string{`"entries":5`, `"streams":1`}},
		{"index/volume", append([]string{"query", `{service_name=~".+"}`}, logHour...), []string{`{"service_name":"acme-front"}`, `{"service_name":"acme-pay"}`}},
		{"index/volume_range", append([]string{"query", `{service_name=~".+"}`, "step", "60", "aggregateBy", "labels"}, logHour...), []string{`"matrix"`, `{"metric":{"service_name":""}`}},
		{"patterns", append([]string{"query", `{service_name="acme-front"}`}, logHour...), []string{`"pattern":"acme request \u003c_\u003e"`, `,15]`}},
		{"detected_labels", logHour, []string{`{"label":"service_name","cardinality":2}`}},
		{"detected_fields", append([]string{"query", `{service_name=~".+"}`}, logHour...), []string{`{"label":"n","type":"int","cardinality":20,"parsers":null}`}},
		{"detected_field/user_id/values", append([]string{"query", `{service_name=~".+"}`}, logHour...), []string{`"u3"`}},
		{"format_query", []string{"query", `sum(rate({a="b"}|="x"[1m]))by(c)`}, []string{`sum by (c) (rate({a=\"b\"} |= \"x\" [1m]))`}},
		{"drilldown-limits", nil, []string{`"volume_enabled":true`}},
		{"status/buildinfo", nil, []string{`"version":"1.2.3"`}},
	} {
		a := f.loki(c.path, c.params...)
		if a.status != 200 || !json.Valid(a.body) || strings.Contains(string(a.body), "rival") {
			t.Errorf("%s %v: status %d: %s", c.path, c.params, a.status, a.body)
		}
		for _, part := range c.want {
			if !strings.Contains(string(a.body), part) {
				t.Errorf("%s %v: no %s in %s", c.path, c.params, part, a.body)
			}
		}
	}
}

// Grafana's source reads an answer once, front to back, and must know by then
// that lines come with their labels by source.
func TestLokiFlagsComeBeforeLines(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	a := f.loki("query_range", append([]string{"query", `{service_name="acme-pay"}`}, logHour...)...)
	var body struct{ Data json.RawMessage }
	if err := json.Unmarshal(a.body, &body); err != nil || a.status != 200 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	d := json.NewDecoder(bytes.NewReader(body.Data))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fmt.Sprint(key))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"resultType", "encodingFlags", "result"}; len(keys) < 3 || !slices.Equal(keys[:3], want) {
		t.Errorf("the answer has %v in this order, want %v first", keys, want)
	}
}

func TestLokiMistakes(t *testing.T) {
	f := newFixture(t, nil)
	// Clients such as logcli add the whole path to the address they are given.
	if a := f.request("acme", "GET /loki/loki/api/v1/labels?start=1"); a.status != 404 || !strings.Contains(string(a.body), "/loki/loki/api/v1/labels is not served here; clients want the address without a path") {
		t.Errorf("an address with a path: status %d: %s", a.status, a.body)
	}
	for _, c := range []struct {
		path   string
		params []string
		status int
		want   string
	}{
		{"query_range", []string{"query", `{a="b"} | jsn`}, 400, "parse error at line 1, col 11: unexpected \"jsn\""},
		{"query_range", []string{"query", `{a="b"} | jsn`}, 400, "\n          ^"},
		{"query", []string{"query", `{a="b"}`}, 400, "not supported as an instant query"},
		{"query_range", []string{"query", `{a="b"}`, "limit", "9999999"}, 400, "max entries limit"},
		{"query_range", []string{"query", `{a="b"}`, "limit", "x"}, 400, "limit"},
		{"query_range", []string{"query", `{a="b"}`, "direction", "up"}, 400, "direction"},
		{"query_range", []string{"query", `{a="b"}`, "start", "yesterday"}, 400, "start"},
		{"query_range", []string{"query", `vector(1)`, "step", "1ns"}, 400, "max_points"},
		{"query_range", []string{"query", `{a="b"}`, "cursor", "x"}, 400, "cursor"},
		{"tail", []string{"query", `vector(1)`}, 400, "lines"},
		{"nothing", nil, 404, "not served"},
	} {
		a := f.loki(c.path, c.params...)
		if a.status != c.status || !strings.Contains(string(a.body), c.want) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %v: %d %s, want %d with %q", c.path, c.params, a.status, a.body, c.status, c.want)
		}
	}
}

// Pages of lines that go on at the cursor have each line once, whatever the
// pipeline drops.
func TestLokiPaging(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	for _, direction := range []string{"forward", "backward"} {
		for _, q := range []string{`{service_name=~".+"}`, `{service_name=~".+"} | line_format "{{.n}}" != "13"`} {
			var got []string
			cursor := ""
			for range 20 {
				a := f.loki("query_range", append([]string{"query", q, "limit", "3", "direction", direction, "cursor", cursor}, logHour...)...)
				var page struct {
					Data struct {
						Cursor string
						Result []struct{ Values [][]any }
					}
				}
				if err := json.Unmarshal(a.body, &page); err != nil || a.status != 200 {
					t.Fatalf("%d %s: %v", a.status, a.body, err)
				}
				for _, s := range page.Data.Result {
					for _, v := range s.Values {
						got = append(got, fmt.Sprint(v[0]))
					}
				}
				if cursor = page.Data.Cursor; cursor == "" {
					break
				}
			}
			seen := map[string]bool{}
			for _, at := range got {
				seen[at] = true
			}
			want := 20 - strings.Count(q, "13")
			if len(got) != want || len(seen) != want {
				t.Errorf("%s %s: %d lines, %d different, want %d", direction, q, len(got), len(seen), want)
			}
		}
	}
}

func TestLokiTail(t *testing.T) {
	f := newFixture(t, func(c *query.Config) { c.Now = nil })
	s := f.open("acme", "acme", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(f.url, "http")+"/loki/api/v1/tail?"+url.Values{"query": {`{service_name="acme-pay"} |= "REFUSED"`}, "start": {nano(epoch)}}.Encode(),
		&websocket.DialOptions{HTTPHeader: http.Header{tenant.Header: {"acme"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	read := func() string {
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if first := read(); strings.Count(first, "REFUSED") != 5 || !strings.HasPrefix(first, `{"streams":[{"stream":{`) {
		t.Errorf("first: %s", first)
	}
	pay := s.service("pay")
	r := logstore.Record{Time: time.Now().UnixNano(), Service: pay.name, ResourceID: pay.resource, ScopeID: pay.scope}
	r.Body.Kind, r.Body.Str = 1, "REFUSED again"
	s.logs.Reset()
	s.logs.Append(&r)
	blocks, err := s.logs.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.db.Insert(ctx, blocks[0].Table, "tail", blocks); err != nil {
		t.Fatal(err)
	}
	if next := read(); strings.Count(next, "REFUSED") != 1 || !strings.Contains(next, "REFUSED again") {
		t.Errorf("next: %s", next)
	}
}

func TestLogQLForRules(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	resources := resourcestore.New(f.db)
	s := query.New(query.Config{Logs: logstore.New(f.db, resources), Traces: tracestore.New(f.db, resources), Metrics: metricstore.New(f.db, resources), Resources: resources})
	at := epoch.Add(time.Minute)
	v, _, err := s.Instant(t.Context(), "acme", "logql", `sum by (service_name) (count_over_time({detected_level="error"}[5m])) > 3`, at)
	if err != nil || len(v) != 1 || v[0].F != 5 || v[0].Metric.Get("service_name") != "acme-pay" {
		t.Errorf("got %v, %v", v, err)
	}
	if _, _, err := s.Instant(t.Context(), "acme", "logql", `{a="b"}`, at); fault.Of(err).Code != fault.BadQuery {
		t.Errorf("lines: %v", err)
	}
	if _, err := language.All(promexpr.Features{})[language.LogQL](`sum(`); fault.Of(err).Position == nil {
		t.Errorf("check: %v", err)
	}
}
