package query_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// failure is an error in either API's shape.
type failure struct {
	status  int
	code    string // native: code; Prometheus: errorType
	message string
	info    struct {
		Code, Message, Parameter, Limit string
		Position                        *fault.Position
		RetryAfter                      int `json:"retry_after_seconds"`
	}
}

func failureOf(t *testing.T, a answer) failure {
	t.Helper()
	var body struct {
		Status, ErrorType string
		Error             json.RawMessage
	}
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	f := failure{status: a.status, code: body.ErrorType}
	if body.Status == "error" {
		json.Unmarshal(body.Error, &f.message)
		return f
	}
	if err := json.Unmarshal(body.Error, &f.info); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	f.code, f.message = f.info.Code, f.info.Message
	return f
}

func TestMistakesAreNamed(t *testing.T) {
	f := newFixture(t, nil)
	validate := validator(t)
	for _, tt := range []struct {
		line   string
		status int
		code   string
		text   string // in the message
	}{
		{"GET /api/v1/logs?limit=x", 400, "bad_query", `"limit"`},
		{"GET /api/v1/logs?severity=loud", 400, "bad_query", `"severity"`},
		{"GET /api/v1/logs?nope=1", 400, "bad_query", `"nope"`},
		{"GET /api/v1/logs?limit=100000", 422, "limit", "cursor"},
		{"GET /api/v1/lines?query=rate(%7B%7D%5B5m%5D)", 400, "bad_query", "lines"},
		{"GET /api/v1/lines?query=%7Ba=%22b%22%7D%7Cjsn", 400, "bad_query", "jsn"},
		{"GET /api/v1/lines?query=%7B%7D&limit=100000", 422, "limit", "cursor"},
		{"GET /api/v1/labels?signal=logs&match=up", 400, "bad_query", "up"},
		{"GET /api/v1/labels?signal=traces&match=%7B%7D", 400, "bad_query", `"match"`},
		{"GET /api/v1/labels/x/values?signal=traces&match=%7B", 400, "bad_query", "parse error"},
		{"GET /api/v1/traces/xyz", 400, "bad_query", `"id"`},
		{"GET /api/v1/traces/0123456789abcdef0123456789abcdef", 404, "not_found", "trace not found"},
		{"GET /api/v1/traces/0123456789abcdef0123456789abcdef/context", 404, "not_found", "trace not found"},
		{"GET /api/v1/labels?signal=smoke", 400, "bad_query", `"signal"`},
		{"GET /api/v1/nothing", 404, "not_found", "/api/v1/nothing"},
		{"DELETE /api/v1/logs", 405, "bad_query", "GET"},
		{`POST /api/v1/query {"query":"sum(\n rate(x))"}`, 400, "bad_query", "range vector"},
		{`POST /api/v1/query/check {"query":"sum(\n{ status = error } | rate()","language":"traceql"}`, 400, "bad_query", "unexpected {"},
		{`POST /api/v1/query/check {"query":"sum(\n{x}"}`, 400, "bad_query", "label matching"},
		{`POST /api/v1/query/check {"query":"up","language":"sql"}`, 400, "bad_query", "is not one of logql"},
		{`POST /api/v1/query {"query":"up","language":"sql"}`, 400, "bad_query", "is not one of logql, metricsql, promql"},
		{`POST /api/v1/query {"query":"up","step":"1ms"}`, 422, "limit", "step"},
		{`POST /api/v1/query {"query":"\"text\"","instant":true}`, 400, "bad_query", "string"},
		{"GET /prometheus/api/v1/query?query=sum(", 400, "bad_data", `invalid parameter "query": 1:5: parse error`},
		{"GET /prometheus/api/v1/query?query=up&time=soon", 400, "bad_data", `invalid parameter "time"`},
		{"GET /prometheus/api/v1/query?query=up&timeout=0", 400, "bad_data", `invalid parameter "timeout"`},
		{"GET /prometheus/api/v1/query_range?query=up&start=1&end=0&step=1", 400, "bad_data", "end timestamp must not be before start"},
		{"GET /prometheus/api/v1/query_range?query=up&start=0&end=100000&step=1", 400, "bad_data", "exceeded maximum resolution of 11000 points"},
		{"GET /prometheus/api/v1/query_range?query=up[5m]&start=0&end=1&step=1", 400, "bad_data", "invalid expression type"},
		{"GET /prometheus/api/v1/series", 400, "bad_data", "no match[] parameter provided"},
		{"GET /prometheus/api/v1/series?match[]={}", 400, "bad_data", "at least one non-empty matcher"},
		{"GET /prometheus/api/v1/labels?limit=-1", 400, "bad_data", `invalid parameter "limit"`},
		{"GET /metricsql/api/v1/query?query=sum(up", 400, "bad_data", `invalid parameter "query"`},
		{"GET /metricsql/api/v1/query?query=nope(up)", 400, "bad_data", "nope"},
		{"GET /metricsql/api/v1/parse_query?query=up", 501, "unsupported", "PromQL"},
		{"GET /prometheus/api/v1/nothing", 404, "not_found", "is not served here"},
	} {
		a := f.request("acme", tt.line)
		got := failureOf(t, a)
		if got.status != tt.status || got.code != tt.code || !strings.Contains(got.message, tt.text) {
			t.Errorf("%s: got %d %s %q, want %d %s with %q", tt.line, got.status, got.code, got.message, tt.status, tt.code, tt.text)
		}
		if !strings.Contains(tt.line, " /metricsql") && !strings.Contains(tt.line, " /prometheus") {
			validate(tt.line, "Error", a.body)
		}
	}
	got := failureOf(t, f.request("acme", `POST /api/v1/query {"query":"sum(\n rate(x))"}`))
	if p := got.info.Position; p == nil || *p != (fault.Position{Line: 2, Column: 7}) {
		t.Errorf("position: got %+v, want 2:7", got.info.Position)
	}
	got = failureOf(t, f.request("acme", `POST /api/v1/query/check {"query":"sum(\n{x}"}`))
	if p := got.info.Position; p == nil || *p != (fault.Position{Line: 2, Column: 3}) {
		t.Errorf("position of a checked query: got %+v, want 2:3", p)
	}
}

func TestLimitsAreTyped(t *testing.T) {
	f := newFixture(t, func(c *query.Config) { c.Limits.MaxSamples, c.Limits.MaxSpans, c.Limits.MaxLogs = 100, 2, 5 })
	s := f.open("acme", "acme", 1)
	got := failureOf(t, f.request("acme", `POST /api/v1/query {"query":"{job=~\".+\"}","end":1700000600,"start":1700000000}`))
	if got.status != 422 || got.code != "limit" || got.info.Limit != "max_samples" || !strings.Contains(got.message, "raise the limit") {
		t.Errorf("samples: got %+v", got)
	}
	got = failureOf(t, f.request("acme", "GET /prometheus/api/v1/query?query={__name__=~\"http_server_requests_total|process_memory_usage_bytes\"}[10m]&time=1700000600"))
	if got.status != 422 || got.code != "execution" || !strings.Contains(got.message, "max_samples") {
		t.Errorf("samples, Prometheus: got %+v", got)
	}
	small := serve(t, f.db, func(c *query.Config) { c.Limits.MaxSeries = 3 })
	got = failureOf(t, small.request("acme", `POST /api/v1/query {"query":"{job=~\".+\"}","instant":true,"end":1700000600}`))
	if got.status != 422 || got.code != "limit" || got.info.Limit != "max_series" {
		t.Errorf("series: got %+v", got)
	}
	a := f.request("acme", fmt.Sprintf("GET /api/v1/traces/%x", s.trace))
	if !bytes.Contains(a.body, []byte(`"span_count":4,"truncated":true`)) || bytes.Count(a.body, []byte(`"parent_span_id"`)) != 2 {
		t.Errorf("trace over its limit: %s", a.body)
	}
}

func TestTimeoutIsTyped(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	got := failureOf(t, f.request("acme", "GET /prometheus/api/v1/query?query=http_server_requests_total&time=1700000600&timeout=0.000000001"))
	if got.status != 503 || got.code != "timeout" {
		t.Errorf("got %+v", got)
	}
}

// Paging by cursor gives every record once, in order, in both directions.
func TestPagesOfLogs(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	for _, direction := range []string{"backward", "forward"} {
		var times []string
		seen := map[string]bool{}
		cursor := ""
		for pages := 0; ; pages++ {
			var page struct {
				Records   []struct{ ID, Time, Body string }
				Next      string `json:"next_cursor"`
				Truncated bool
			}
			a := f.request("acme", "GET /api/v1/logs?limit=7&direction="+direction+"&cursor="+cursor+"&"+hour)
			if err := json.Unmarshal(a.body, &page); err != nil {
				t.Fatalf("%v: %s", err, a.body)
			}
			for _, r := range page.Records {
				if seen[r.ID] {
					t.Errorf("%s: %s twice", direction, r.Body)
				}
				seen[r.ID] = true
				times = append(times, r.Time)
			}
			if page.Truncated != (page.Next != "") {
				t.Errorf("%s: truncated %t with cursor %q", direction, page.Truncated, page.Next)
			}
			if cursor = page.Next; cursor == "" || pages > 5 {
				break
			}
		}
		if direction == "backward" {
			slices.Reverse(times)
		}
		parsed := make([]time.Time, len(times))
		for i, s := range times {
			parsed[i], _ = time.Parse(time.RFC3339Nano, s)
		}
		if len(seen) != 20 || !slices.IsSortedFunc(parsed, time.Time.Compare) {
			t.Errorf("%s: %d records, times %v", direction, len(seen), times)
		}
	}
}

func TestSearchesOfLogs(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	for search, want := range map[string]int{
		"":                                    20,
		"service=acme-pay":                    5,
		"service=acme-pay&service=acme-front": 20,
		"severity=error":                      5,
		"severity=warn":                       5,
		"severity=fatal":                      0,
		"q=refused":                           5,
		"q=REQUEST+1":                         8,
		"q=100%25":                            0,
		"attr=user.id%3Du1":                   4,
		"attr=user.id!%3Du1":                  16,
		"attr=n%3D7":                          1,
		"attr=host.name%3Dh1":                 20,
		"attr=user.id%3Du1&attr=n%3D1":        1,
		fmt.Sprintf("trace_id=%x", s.trace):   5,
		"span_id=ab00000000000003":            5,
		"span_id=ab00000000000009":            0,
	} {
		a := f.request("acme", "GET /api/v1/logs?"+search+"&"+hour)
		if got := bytes.Count(a.body, []byte(`"observed_time"`)); a.status != 200 || got != want {
			t.Errorf("%s: status %d, %d records, want %d", search, a.status, got, want)
		}
	}
}

func TestArrow(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	const stream = "application/vnd.apache.arrow.stream"

	a := f.request("acme", `POST /api/v1/query {"query":"{__name__=~\"http_server_requests_total|http_server_response_size_bytes\"}","start":1700000000,"end":1700000600,"step":"60s"}`, "Accept", stream)
	r := reader(t, a)
	if kind, _ := r.Schema().Metadata().GetValue("trefoil.kind"); kind != "metric" {
		t.Errorf("kind %q", kind)
	}
	if w, _ := r.Schema().Metadata().GetValue("trefoil.warnings"); !strings.Contains(w, "2 series have native histogram samples") {
		t.Errorf("warnings %q", w)
	}
	rows, points := 0, 0
	for r.Next() {
		rec := r.Record()
		rows += int(rec.NumRows())
		times := rec.Column(1).(*array.List).ListValues().(*array.Timestamp)
		values := rec.Column(2).(*array.List).ListValues().(*array.Float64)
		if times.Len() != values.Len() || times.Value(0) != arrow.Timestamp(1_700_000_000_000) {
			t.Errorf("%d times from %d, %d values", times.Len(), times.Value(0), values.Len())
		}
		points += values.Len()
	}
	if rows != 4 || points != 22 {
		t.Errorf("%d rows with %d points, want 4 with 22", rows, points)
	}

	// Times of a grid are said once; every series has its values.
	a = f.request("acme", `POST /api/v1/query {"query":"http_server_requests_total","start":1700000000,"end":1700000600,"step":"60s","shared_times":true}`, "Accept", stream)
	r = reader(t, a)
	for r.Next() {
		rec := r.Record()
		times, values := rec.Column(1).(*array.List), rec.Column(2).(*array.List)
		if rec.NumRows() != 2 || times.IsNull(0) || !times.IsNull(1) || times.ListValues().Len() != 11 || values.ListValues().Len() != 22 || values.NullN() != 0 {
			t.Errorf("shared times: %v", rec)
		}
	}

	a = f.request("acme", "GET /api/v1/logs?limit=6&"+hour, "Accept", stream)
	r = reader(t, a)
	if next, ok := r.Schema().Metadata().GetValue("trefoil.next_cursor"); !ok || next == "" {
		t.Error("no cursor")
	}
	for r.Next() {
		rec := r.Record()
		if rec.NumRows() != 6 || !strings.Contains(rec.Column(5).(*array.String).Value(0), "acme") || rec.Column(1).(*array.Timestamp).Value(0) != arrow.Timestamp(epoch.Add(190*time.Millisecond).UnixNano()) {
			t.Errorf("got %v", rec)
		}
		attributes := rec.Column(8).(*array.Map)
		from, to := attributes.ValueOffsets(0)
		if to-from != 2 || attributes.Keys().(*array.String).Value(int(from)) != "n" || attributes.Items().(*array.String).Value(int(from)) != "19" {
			t.Errorf("attributes are %v", attributes)
		}
	}

	a = f.request("acme", "GET /api/v1/lines?query=%7Bn=%227%22%7D&"+hour, "Accept", stream)
	r = reader(t, a)
	for r.Next() {
		if rec := r.Record(); rec.NumRows() != 1 || !strings.Contains(rec.Column(2).String(), "REFUSED") || !strings.Contains(rec.Column(4).String(), "user_id") {
			t.Errorf("lines: got %v", rec)
		}
	}
}

func reader(t *testing.T, a answer) *ipc.Reader {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "application/vnd.apache.arrow.stream" {
		t.Fatalf("status %d, %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	r, err := ipc.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

func TestAnswersAreCompressed(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	a := f.request("acme", "GET /api/v1/logs?"+hour, "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding %q", a.header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !json.Valid(b) {
		t.Errorf("%v: %s", err, b)
	}
}

// Storage that is down is an error on every route, never an empty answer.
func TestOutageIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return conn.Addr{TCPAddr: nobody, HTTPAddr: nobody, Database: "x"} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f := serve(t, db, nil)
	for _, r := range requests("0123456789abcdef0123456789abcdef") {
		got := failureOf(t, f.request("acme", r.line))
		if got.status != 503 || got.code != "unavailable" || !strings.Contains(got.message, "storage") {
			t.Errorf("%s: got %d %s %q", r.line, got.status, got.code, got.message)
		}
	}
	if got := failureOf(t, f.request("acme", "GET /api/v1/logs")); got.info.RetryAfter < 1 {
		t.Errorf("no retry_after_seconds: %+v", got)
	}
}

// A section of a context that cannot be read is named.
func TestPartialContext(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	if err := f.db.Exec(t.Context(), "DROP TABLE exemplars"); err != nil {
		t.Fatal(err)
	}
	a := f.request("acme", fmt.Sprintf("GET /api/v1/traces/%x/context", s.trace))
	validator(t)("context", "Context", a.body)
	var body struct {
		Trace     struct{ Spans []any }
		Logs      struct{ Records []any }
		Exemplars any
		Partial   []struct {
			Section string
			Error   struct{ Code string }
		}
	}
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Trace.Spans) != 4 || len(body.Logs.Records) != 5 || body.Exemplars != nil ||
		len(body.Partial) != 1 || body.Partial[0].Section != "exemplars" || body.Partial[0].Error.Code != "internal" {
		t.Errorf("got %s", a.body)
	}
}

// Logs of a trace whose spans were never stored are an answer.
func TestContextWithoutSpans(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	for _, table := range []string{"spans", "trace_index"} {
		if err := f.db.Exec(t.Context(), "TRUNCATE TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	a := f.request("acme", fmt.Sprintf("GET /api/v1/traces/%x/context", s.trace))
	validator(t)("context", "Context", a.body)
	if a.status != 200 || !bytes.Contains(a.body, []byte(`"trace":null`)) || bytes.Count(a.body, []byte("REFUSED")) != 5 || !bytes.Contains(a.body, []byte(`"partial":[]`)) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if got := failureOf(t, f.request("acme", "GET /api/v1/traces/0123456789abcdef0123456789abcdef/context")); got.status != 404 {
		t.Errorf("unknown trace: %+v", got)
	}
}

func TestInstantForRules(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	resources := resourcestore.New(f.db)
	s := query.New(query.Config{
		Logs: logstore.New(f.db, resources), Traces: tracestore.New(f.db, resources), Metrics: metricstore.New(f.db, resources), Resources: resources,
	})
	at := epoch.Add(10 * time.Minute)
	v, _, err := s.Instant(t.Context(), "acme", "promql", `sum by (service_name) (rate(http_server_requests_total[5m]))`, at)
	if err != nil || len(v) != 2 || v[0].F < 0.66 || v[0].F > 0.67 {
		t.Errorf("got %v, %v; want two rates of 2/3", v, err)
	}
	if v, _, err := s.Instant(t.Context(), "acme", "", `1 + 1`, at); err != nil || len(v) != 1 || v[0].F != 2 {
		t.Errorf("scalar: got %v, %v", v, err)
	}
	if _, _, err := s.Instant(t.Context(), "acme", "sql", `up`, at); fault.Of(err).Code != fault.BadQuery {
		t.Errorf("sql: %v", err)
	}
	if _, _, err := s.Instant(t.Context(), "acme", "promql", `"x"`, at); fault.Of(err).Code != fault.BadQuery {
		t.Errorf("string: %v", err)
	}
	if v, _, err := s.Instant(t.Context(), "nobody", "promql", `http_server_requests_total`, at); err != nil || len(v) != 0 {
		t.Errorf("another tenant: got %v, %v", v, err)
	}
}

func TestRequestsAreLoggedAndMeasured(t *testing.T) {
	var log syncBuffer
	f := newFixture(t, func(c *query.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	a := f.request("acme", "GET /api/v1/logs?limit=x", "X-Request-Id", "abc-1", "Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	if id := a.header.Get("X-Request-Id"); id != "abc-1" {
		t.Errorf("request id %q", id)
	}
	if id := f.request("acme", "GET /api/v1/status", "X-Request-Id", "not fit\tfor a log").header.Get("X-Request-Id"); len(id) != 16 {
		t.Errorf("request id %q", id)
	}
	line, _, _ := strings.Cut(log.String(), "\n")
	for _, want := range []string{`"request_id":"abc-1"`, `"trace_id":"0123456789abcdef0123456789abcdef"`, `"tenant":"acme"`, `"route":"/api/v1/logs"`, `"status":400`, `"code":"bad_query"`} {
		if !strings.Contains(line, want) {
			t.Errorf("log line without %s: %s", want, line)
		}
	}
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, m := range families {
		names += m.GetName() + " "
	}
	for _, want := range []string{"trefoil_query_request_duration_seconds", "trefoil_query_requests_in_flight", "trefoil_query_samples_read_total"} {
		if !strings.Contains(names, want) {
			t.Errorf("no metric %s among %s", want, names)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
