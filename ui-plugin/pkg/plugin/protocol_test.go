package plugin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 7, 0, time.UTC)

const statusBody = `{"product":"trefoil","version":"0.1.0","ready":true,"engine":{"state":"ready","version":"26.7.1"}}`

// api is a mux with a ready status and one service, to which a test adds.
func api() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/status", apitest.Answer("application/json", []byte(statusBody)))
	mux.Handle("GET /api/v1/services", apitest.Answer("application/json", []byte(`{"services":["cart"],"truncated":false}`)))
	return mux
}

func TestHealthOK(t *testing.T) {
	url := serve(t, api())
	ok, message, details := start(t, config{url: url, json: map[string]any{"tenant": "shop"}}).health()
	if !ok || !strings.HasPrefix(message, "Trefoil 0.1.0 is ready (engine 26.7.1), answered in ") {
		t.Errorf("%v %q", ok, message)
	}
	if latency, _ := details["latencyMs"].(float64); latency <= 0 {
		t.Errorf("latency is %v", details["latencyMs"])
	}
	delete(details, "latencyMs")
	want := map[string]any{"url": url, "tenant": "shop", "version": "0.1.0", "engine": "26.7.1"}
	if diff := cmp.Diff(want, details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name, problem, message string
		handler                http.Handler
		config                 config
	}{
		{name: "not ready", problem: "not_ready", message: "running but not ready: its engine is starting (migrating)",
			handler: apitest.Answer("application/json", []byte(`{"product":"trefoil","version":"0.1.0","ready":false,"engine":{"state":"starting","error":"migrating"}}`))},
		{name: "401", problem: "unauthorized", message: "credentials", handler: apitest.Refuse(401, "unauthorized", "no credentials")},
		{name: "403", problem: "forbidden", message: "Trefoil forbids this: not your tenant", handler: apitest.Refuse(403, "unauthorized", "not your tenant")},
		{name: "429", problem: "rate_limited", message: "limits the rate of requests: slow down", handler: apitest.Refuse(429, "limit", "slow down")},
		{name: "503", problem: "unavailable", message: "cannot answer now: stopping", handler: apitest.Refuse(503, "unavailable", "stopping")},
		{name: "malformed", problem: "malformed", message: "cannot be read", handler: apitest.Answer("application/json", []byte(`{"product":"trefoil",`))},
		{name: "timeout", problem: "timeout", message: "did not answer in time", config: config{json: map[string]any{"timeout": 1}},
			handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{name: "status open but queries refused", problem: "forbidden", message: "is ready but a query fails: Trefoil forbids this",
			handler: func() http.Handler {
				mux := http.NewServeMux()
				mux.Handle("/api/v1/status", apitest.Answer("application/json", []byte(statusBody)))
				mux.Handle("/", apitest.Refuse(403, "unauthorized", "not your tenant"))
				return mux
			}()},
		{name: "not Trefoil", problem: "not_trefoil", message: "is not Trefoil", handler: apitest.Answer("application/json", []byte(`{"database":"ok"}`))},
		{name: "a web page", problem: "not_trefoil", message: "text/html", handler: apitest.Answer("text/html", []byte("<html>"))},
		{name: "another API", problem: "not_trefoil", message: "no Trefoil API at this URL", handler: http.NotFoundHandler()},
		{name: "nobody listens", problem: "unreachable", message: "nothing listens there", config: config{url: "http://127.0.0.1:1"}},
		{name: "no scheme", problem: "misconfigured", message: "must begin with http://", config: config{url: "127.0.0.1:8733"}},
		{name: "bad interval", problem: "misconfigured", message: `scrape interval "soon"`, config: config{json: map[string]any{"timeInterval": "soon"}}},
		{name: "bad CA", problem: "misconfigured", message: "settings:", config: config{json: map[string]any{"tlsAuthWithCACert": true}, secure: map[string]string{"tlsCACert": "nonsense"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.handler != nil {
				tc.config.url = serve(t, tc.handler)
			}
			ok, message, details := start(t, tc.config).health()
			if ok || !strings.Contains(message, tc.message) || details["problem"] != tc.problem {
				t.Errorf("%v %q %v, want %s with %q", ok, message, details, tc.problem, tc.message)
			}
		})
	}
}

// One request with a query of each type and one that cannot be answered: each
// panel gets its own frames or its own error.
func TestQueriesOfEveryType(t *testing.T) {
	mux := api()
	mux.Handle("POST /api/v1/query", apitest.Answer(apitest.ArrowType, apitest.Metrics([]string{"partial"}, []apitest.Series{
		{Labels: map[string]string{"service_name": "cart"}, Times: []int64{noon.UnixMilli()}, Values: []float64{3}}})))
	mux.Handle("GET /api/v1/logs", apitest.Answer(apitest.ArrowType, apitest.Logs(false, apitest.Log{ID: "1", TimeNS: noon.UnixNano(),
		Severity: "INFO", Body: "hello", TraceID: "5b8efff798038103d269b633813fc60c", Attributes: []string{"a", "1"}})))
	mux.Handle("GET /api/v1/traces/5b8efff798038103d269b633813fc60c", apitest.Answer("application/json", []byte(
		`{"trace_id":"5b8efff798038103d269b633813fc60c","span_count":1,"spans":[{"span_id":"eee19b7ec3c1b174","name":"GET /","kind":"SERVER","service":"cart",
		"start":"2026-03-01T12:00:00Z","duration_ns":2000000,"status":{"code":"OK"},"attributes":{"n":1},"resource":{},"events":[],"links":[]}]}`)))
	mux.Handle("GET /api/v1/traces/", apitest.Refuse(404, "not_found", "unknown"))
	h := start(t, config{url: serve(t, mux), json: map[string]any{"tenant": "shop"}})

	got := h.queries(deadline(t), noon,
		dataQuery(t, "M", "metrics", map[string]any{"expr": "up", "legendFormat": "{{service_name}}"}, noon),
		dataQuery(t, "L", "logs", map[string]any{}, noon),
		dataQuery(t, "T", "traces", map[string]any{"traceId": "5B8EFFF798038103D269B633813FC60C"}, noon),
		dataQuery(t, "U", "traces", map[string]any{"traceId": "ffffffffffffffffffffffffffffffff"}, noon),
		dataQuery(t, "X", "profiles", map[string]any{}, noon),
		dataQuery(t, "E", "metrics", map[string]any{"expr": " "}, noon))

	metrics := onlyFrame(t, got["M"])
	if metrics.Meta.Type != data.FrameTypeTimeSeriesMulti || metrics.Fields[1].Config.DisplayNameFromDS != "cart" || metrics.Fields[1].At(0) != 3.0 ||
		metrics.Meta.Notices[0].Text != "partial" || metrics.Meta.ExecutedQueryString != "Expr: up\nStep: 15s" || metrics.RefID != "M" {
		t.Errorf("metrics: %+v %+v", metrics, metrics.Meta)
	}
	logs := onlyFrame(t, got["L"])
	if logs.Meta.Type != data.FrameTypeLogLines || logs.Fields[1].At(0) != "hello" || logs.Fields[5].Config.Links[0].Internal.DatasourceUID != "trefoil-uid" ||
		!strings.HasPrefix(logs.Meta.ExecutedQueryString, "GET /api/v1/logs?direction=backward") {
		t.Errorf("logs: %+v %+v", logs, logs.Meta)
	}
	trace := onlyFrame(t, got["T"])
	if trace.Meta.PreferredVisualization != data.VisTypeTrace || trace.Fields[3].At(0) != "GET /" {
		t.Errorf("trace: %+v %+v", trace, trace.Meta)
	}
	for refID, want := range map[string]struct {
		status  backend.Status
		message string
	}{
		"U": {404, `trace ffffffffffffffffffffffffffffffff is not known to tenant "shop"`},
		"X": {400, `query type "profiles" is none of`},
		"E": {400, "the expression is empty"},
	} {
		if r := got[refID]; r.Error == nil || r.Status != want.status || !strings.Contains(r.Error.Error(), want.message) {
			t.Errorf("%s: %d %v, want %d with %q", refID, r.Status, r.Error, want.status, want.message)
		}
	}
}

func onlyFrame(t *testing.T, r backend.DataResponse) *data.Frame {
	t.Helper()
	if r.Error != nil || len(r.Frames) != 1 {
		t.Fatalf("%d frames, error %v", len(r.Frames), r.Error)
	}
	return r.Frames[0]
}

func TestQueryErrors(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		status  backend.Status
		message string
	}{
		{"timeout", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client leave
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, 504, "did not answer in time"},
		{"401", apitest.Refuse(401, "unauthorized", "bad token"), 401, "refuses the credentials: bad token"},
		{"403", apitest.Refuse(403, "unauthorized", "no"), 403, "forbids"},
		{"429", apitest.Refuse(429, "limit", "slow down"), 429, "limits the rate of requests: slow down"},
		{"400", apitest.Refuse(400, "bad_query", "unexpected )"), 400, "unexpected )"},
		{"503", apitest.Refuse(503, "unavailable", "engine down"), 503, "cannot answer now: engine down"},
		{"500", apitest.Refuse(500, "internal", "oops"), 500, "Trefoil failed: oops"},
		{"404", http.NotFound, 502, "no Trefoil API at this URL"},
		{"a proxy's 429", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, 429, "too many requests; try again in 7s"},
		{"cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", apitest.ArrowType)
			_, _ = w.Write(apitest.Points(1000)[:4000])
		}, 502, "cut short"},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", apitest.ArrowType)
			_, _ = w.Write(apitest.Points(1000)[:4000])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 502, "broke: unexpected EOF"},
		{"garbage", apitest.Answer(apitest.ArrowType, []byte("garbage")), 502, "cannot be read"},
		{"too large", apitest.Answer(apitest.ArrowType, apitest.Points(200_000)), 400, "over 2 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, config{url: serve(t, tc.handler), json: map[string]any{"timeout": 1, "maxResponseMiB": 2}})
			r := h.query("metrics", map[string]any{"expr": "up"}, noon)
			if r.Error == nil || r.Status != tc.status || !strings.Contains(r.Error.Error(), tc.message) || r.ErrorSource != backend.ErrorSourceDownstream {
				t.Errorf("%d %s %v, want %d with %q", r.Status, r.ErrorSource, r.Error, tc.status, tc.message)
			}
		})
	}
}

// What Trefoil is asked: aligned times, the step, macros and headers.
func TestMetricRequest(t *testing.T) {
	var body map[string]any
	var header http.Header
	mux := api()
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		_ = json.NewDecoder(r.Body).Decode(&body)
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil))(w, r)
	})
	h := start(t, config{url: serve(t, mux), basicUser: "ann",
		json:   map[string]any{"tenant": "shop", "httpHeaderName1": "X-Extra", "timeInterval": "15s"},
		secure: map[string]string{"basicAuthPassword": "pw", "bearerToken": "ignored beside basic", "httpHeaderValue1": "yes"}})
	r := h.query("metrics", map[string]any{"expr": "rate(x[$__rate_interval]) + $__interval_ms + ${__range_s}", "language": "metricsql"}, noon)
	if frame := onlyFrame(t, r); len(frame.Fields) != 0 || frame.Meta.Type != data.FrameTypeTimeSeriesMulti {
		t.Errorf("no series: %+v", frame)
	}
	want := map[string]any{"language": "metricsql", "query": "rate(x[60s]) + 15000 + 3600", "instant": false, "step": 15.0, "shared_times": true,
		"start": "2026-03-01T11:00:00Z", "end": "2026-03-01T12:00:00Z"}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if header.Get("X-Scope-OrgID") != "shop" || header.Get("X-Extra") != "yes" ||
		header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("ann:pw")) {
		t.Errorf("headers: %v", header)
	}
}

// Alerts, exemplars and a dashboard's own filters, as they are asked and answered.
func TestAlertsExemplarsAndFilters(t *testing.T) {
	var asked map[string]any
	var exemplarsOf string
	mux := api()
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&asked)
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, []apitest.Series{{Times: []int64{noon.UnixMilli()}, Values: []float64{3}}}))(w, r)
	})
	mux.HandleFunc("GET /api/v1/exemplars", func(w http.ResponseWriter, r *http.Request) {
		exemplarsOf = r.URL.Query().Get("query")
		apitest.Answer("application/json", []byte(`{"items":[{"time":"2026-03-01T12:00:00Z","metric":"m","labels":{"a":"b"},"value":0.5,
			"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","attributes":{}}],"truncated":false}`))(w, r)
	})
	mux.Handle("GET /api/v1/alerts", apitest.Answer("application/json", []byte(
		`{"alerts":[{"alert":"Slow","group":"g","state":"firing","value":"NaN","labels":{},"annotations":{},"active_at":"2026-03-01T12:00:00Z"}],"truncated":false}`)))
	mux.Handle("GET /api/v1/alerts/history", apitest.Refuse(503, "unavailable", "engine down"))
	h := start(t, config{url: serve(t, mux)})

	r := h.query("metrics", map[string]any{"expr": "sum(rate(m[5m]))", "exemplars": true,
		"adhocFilters": []map[string]string{{"key": "service.name", "op": "=~", "value": "ca.*"}}}, noon)
	if r.Error != nil || len(r.Frames) != 2 || r.Frames[1].Name != "exemplar" || *r.Frames[1].Fields[2].At(0).(*string) != "5b8efff798038103d269b633813fc60c" {
		t.Errorf("%+v %v", r.Frames, r.Error)
	}
	const filtered = `sum(rate(m{"service.name"=~"ca.*"}[5m]))`
	if asked["query"] != filtered || exemplarsOf != filtered {
		t.Errorf("asked %v and exemplars of %s, want %s", asked["query"], exemplarsOf, filtered)
	}
	list := onlyFrame(t, h.query("alerts", map[string]any{}, noon))
	if list.Rows() != 1 || list.Fields[0].At(0) != "firing" {
		t.Errorf("alerts: %+v", list)
	}
	if r := h.query("alerts", map[string]any{"alertsMode": "history"}, noon); r.Status != 503 {
		t.Errorf("history: %d %v", r.Status, r.Error)
	}
	r = h.query("metrics", map[string]any{"expr": "m", "adhocFilters": []map[string]string{{"key": "a", "op": ">", "value": "1"}}}, noon)
	if r.Status != 400 || r.Error == nil || !strings.Contains(r.Error.Error(), `operator ">"`) {
		t.Errorf("an operator there is not: %d %v", r.Status, r.Error)
	}
}

// Traces are found by a form or by TraceQL, make series where TraceQL asks for
// them, and the graph of services is nodes and edges.
func TestTraceSearchMetricsAndGraph(t *testing.T) {
	var searched []string
	var asked map[string]any
	mux := api()
	mux.HandleFunc("GET /api/v1/traces", func(w http.ResponseWriter, r *http.Request) {
		searched = append(searched, r.URL.Query().Get("q"), r.URL.Query().Get("limit"))
		apitest.Answer("application/json", []byte(`{"traces":[{"trace_id":"5b8efff798038103d269b633813fc60c","root_service":"cart","root_name":"GET /",
			"start":"2026-03-01T12:00:00Z","duration_ns":5000000,"span_count":3,"error_count":0,"spansets":[]}],"stats":{}}`))(w, r)
	})
	mux.Handle("GET /api/v1/service-graph", apitest.Answer("application/json", []byte(
		`{"edges":[{"client":"a","server":"b","requests":7200,"errors":0,"p50_ns":1e6,"p99_ns":2e6}],"truncated":false}`)))
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&asked)
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, []apitest.Series{{Times: []int64{noon.UnixMilli()}, Values: []float64{3}}}))(w, r)
	})
	h := start(t, config{url: serve(t, mux)})
	form := onlyFrame(t, h.query("traces", map[string]any{"tracesMode": "search", "search": map[string]any{"service": "cart"}}, noon))
	code := onlyFrame(t, h.query("traces", map[string]any{"tracesMode": "traceql", "traceql": "{ status = error }", "traceLimit": 7}, noon))
	if form.Rows() != 1 || code.Rows() != 1 {
		t.Errorf("%d and %d traces", form.Rows(), code.Rows())
	}
	if diff := cmp.Diff([]string{`{ resource.service.name = "cart" }`, "50", "{ status = error }", "7"}, searched); diff != "" {
		t.Errorf("searches (-want +got):\n%s", diff)
	}
	const rate = "{ status = error } | rate()"
	if f := onlyFrame(t, h.query("traces", map[string]any{"tracesMode": "traceql", "traceql": rate}, noon)); f.Meta.Type != data.FrameTypeTimeSeriesMulti {
		t.Errorf("rate: %+v", f.Meta)
	}
	if asked["language"] != "traceql" || asked["query"] != rate {
		t.Errorf("asked %v", asked)
	}
	if r := h.query("traces", map[string]any{"tracesMode": "graph"}, noon); r.Error != nil || len(r.Frames) != 2 || r.Frames[1].Rows() != 1 {
		t.Errorf("graph: %+v %v", r.Frames, r.Error)
	}
	for _, wrong := range []map[string]any{{"tracesMode": "smell"}, {"tracesMode": "traceql"}, {"tracesMode": "search", "traceLimit": 5000}} {
		if r := h.query("traces", wrong, noon); r.Status != 400 {
			t.Errorf("%v: %d %v", wrong, r.Status, r.Error)
		}
	}
}

// LogQL finds lines or makes series, is counted by level, and takes a dashboard's
// filters; so does the search form, in LogQL where it has to.
func TestLogQL(t *testing.T) {
	var lines, checks []string
	var asked map[string]any
	mux := api()
	mux.HandleFunc("GET /api/v1/lines", func(w http.ResponseWriter, r *http.Request) {
		lines = append(lines, r.URL.Query().Get("query"))
		apitest.Answer(apitest.ArrowType, apitest.Lines(apitest.Line{ID: "1", TimeNS: noon.UnixNano(), Line: "hello", Stream: []string{"service_name", "cart"},
			Metadata: []string{"detected_level", "warn", "trace_id", "5b8efff798038103d269b633813fc60c"}, Parsed: []string{"n", "1"}}))(w, r)
	})
	mux.HandleFunc("POST /api/v1/query/check", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		checks = append(checks, body.Query)
		apitest.Answer("application/json", []byte(`{"language":"logql","query":"","kind":"vector"}`))(w, r)
	})
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&asked)
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, []apitest.Series{{Labels: map[string]string{"detected_level": "error"}, Times: []int64{noon.UnixMilli()}, Values: []float64{3}}}))(w, r)
	})
	h := start(t, config{url: serve(t, mux)})
	filters := []map[string]string{{"key": "service.name", "op": "=~", "value": "ca.*"}}

	f := onlyFrame(t, h.query("logs", map[string]any{"logsMode": "code", "logql": `{a="b"} | json`, "adhocFilters": filters}, noon))
	if f.Meta.Type != data.FrameTypeLogLines || f.Fields[1].At(0) != "hello" || f.Fields[2].At(0) != "warn" || *f.Fields[5].At(0).(*string) != "5b8efff798038103d269b633813fc60c" ||
		string(f.Fields[4].At(0).(json.RawMessage)) != `{"service_name":"cart","detected_level":"warn","trace_id":"5b8efff798038103d269b633813fc60c","n":"1"}` {
		t.Errorf("lines: %v %s", f.Fields[1].At(0), f.Fields[4].At(0))
	}
	if f = onlyFrame(t, h.query("logs", map[string]any{"severity": "warn", "adhocFilters": filters}, noon)); f.Rows() != 1 {
		t.Errorf("form: %d lines", f.Rows())
	}
	if diff := cmp.Diff([]string{`{a="b", service_name=~"ca.*"} | json`, `{service_name=~"ca.*"} | severity_number >= 13`}, lines); diff != "" {
		t.Errorf("queries of lines (-want +got):\n%s", diff)
	}

	f = onlyFrame(t, h.query("logs", map[string]any{"logsMode": "code", "logql": "sum(rate({} [$__interval]))", "adhocFilters": filters}, noon))
	if f.Meta.Type != data.FrameTypeTimeSeriesMulti || asked["language"] != "logql" || asked["query"] != `sum(rate({service_name=~"ca.*"} [15s]))` || len(checks) != 1 || checks[0] != "sum(rate({} [15s]))" {
		t.Errorf("series: %+v, asked %v, checked %q", f.Meta, asked, checks)
	}

	f = onlyFrame(t, h.query("logs", map[string]any{"service": "cart", "logVolume": true}, noon))
	if asked["query"] != `sum by (detected_level) (count_over_time({service_name="cart"} [15s]))` || f.Fields[1].Labels["level"] != "error" {
		t.Errorf("volume: asked %v, %+v", asked, f.Fields[1].Labels)
	}
	if r := h.query("logs", map[string]any{"logsMode": "code", "logql": " "}, noon); r.Status != 400 {
		t.Errorf("an empty query: %d %v", r.Status, r.Error)
	}
}

// The editor hears where a mistake is; that Trefoil cannot tell is another answer.
func TestCheck(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"promql":  apitest.Answer("application/json", []byte(`{"language":"promql","query":"up","kind":"vector"}`)),
		"logql":   apitest.Refuse(503, "unavailable", "engine down"),
		"traceql": apitest.Answer("application/json", nil),
	}
	answers["traceql"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":{"code":"bad_query","message":"parse error: unexpected }","position":{"line":2,"column":5}}}`)
	}
	mux := api()
	mux.HandleFunc("POST /api/v1/query/check", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Language string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		answers[body.Language](w, r)
	})
	h := start(t, config{url: serve(t, mux)})
	for language, want := range map[string]struct {
		status int
		body   string
	}{
		"promql":  {200, `{"kind":"vector"}`},
		"traceql": {200, `{"message":"unexpected }","line":2,"column":5}`},
		"logql":   {503, `{"message":"Trefoil cannot answer now: engine down"}`},
	} {
		res, err := h.Resource(deadline(t), http.MethodPost, "check", "", []byte(`{"language":"`+language+`","query":"x"}`))
		if err != nil || res.Status != want.status || string(res.Body) != want.body {
			t.Errorf("%s: %d %s %v, want %d %s", language, res.Status, res.Body, err, want.status, want.body)
		}
	}
}

// A panel that goes away takes its query to Trefoil with it.
func TestCancelReachesTrefoil(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	mux := api()
	mux.HandleFunc("GET /api/v1/logs", func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	})
	h := start(t, config{url: serve(t, mux)})
	ctx, cancel := context.WithCancel(deadline(t))
	go func() { <-arrived; cancel() }()
	if _, err := h.Query(ctx, nil, dataQuery(t, "A", "logs", map[string]any{}, noon)); err == nil {
		t.Error("no error")
	}
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("Trefoil was left working")
	}
}

func TestResources(t *testing.T) {
	mux := api()
	mux.HandleFunc("GET /api/v1/labels/{name}/values", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := json.Marshal(map[string]any{"values": []string{r.PathValue("name"), r.URL.Query().Get("signal"), r.URL.Query().Get("start")}})
		apitest.Answer("application/json", raw)(w, r)
	})
	mux.HandleFunc("GET /api/v1/labels", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("signal") {
		case "logs":
			apitest.Refuse(429, "limit", "slow down")(w, r)
		case "traces":
			apitest.Answer("application/json", []byte(`{"names":["http.route"],"truncated":false}`))(w, r)
		default:
			apitest.Answer("application/json", []byte(`{"values":["a"]}`))(w, r)
		}
	})
	url := serve(t, mux)
	h := start(t, config{url: url})
	for _, tc := range []struct {
		path, query, body string
		status            int
	}{
		{"services", "", `["cart"]`, 200},
		{"metrics", "", `["__name__","metrics",""]`, 200},
		{"label-values", "name=http.route&signal=logs&start=1000", `["http.route","logs","1970-01-01T00:00:01Z"]`, 200},
		{"label-values", "signal=logs", `{"message":"label-values: name is missing"}`, 400},
		{"labels", "signal=logs", `{"message":"Trefoil limits the rate of requests: slow down"}`, 429},
		{"labels", "signal=traces", `["http.route"]`, 200},
		{"labels", "", `{"message":"the answer of ` + url + ` cannot be read: \"names\" is missing"}`, 502},
		{"labels", "signal=smells", `{"message":"signal \"smells\" is none of metrics, logs and traces"}`, 400},
		{"services", "start=yesterday", `{"message":"start \"yesterday\" is not a time in Unix milliseconds"}`, 400},
		{"nothing", "", "404 page not found\n", 404},
	} {
		if status, body := h.get(tc.path, tc.query); status != tc.status || body != tc.body {
			t.Errorf("%s?%s: %d %s, want %d %s", tc.path, tc.query, status, body, tc.status, tc.body)
		}
	}
}

// A live tail sends each record once, though every look overlaps the last.
func TestTail(t *testing.T) {
	var mu sync.Mutex
	var looks int
	now := time.Now().UnixNano()
	record := func(id string) apitest.Log {
		return apitest.Log{ID: id, TimeNS: now, Body: "line " + id}
	}
	mux := api()
	mux.HandleFunc("GET /api/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		looks++
		switch {
		case r.URL.Query().Get("service") != "cart":
			apitest.Refuse(400, "bad_query", "service is missing")(w, r)
		case looks == 1:
			apitest.Answer(apitest.ArrowType, apitest.Logs(false, record("2"), record("1")))(w, r)
		case looks == 2: // a passing failure does not end the tail
			apitest.Refuse(503, "unavailable", "restarting")(w, r)
		default:
			apitest.Answer(apitest.ArrowType, apitest.Logs(false, record("3"), record("2"), record("1")))(w, r)
		}
	})
	h := start(t, config{url: serve(t, mux)})
	model := []byte(`{"service":"cart"}`)
	if got, err := h.Subscribe(deadline(t), "tail/abc", model); err != nil || got != backend.SubscribeStreamStatusOK {
		t.Fatalf("subscribe: %v %v", got, err)
	}
	if got, err := h.Subscribe(deadline(t), "other", model); err != nil || got != backend.SubscribeStreamStatusNotFound {
		t.Fatalf("subscribe elsewhere: %v %v", got, err)
	}
	want := [][]string{{"line 1", "line 2"}, {"line 3"}}
	err := h.Run(deadline(t), "tail/abc", model, func(raw []byte) error {
		var frame data.Frame
		if err := json.Unmarshal(raw, &frame); err != nil {
			return err
		}
		var got []string
		for i := range frame.Rows() {
			got = append(got, frame.Fields[1].At(i).(string))
		}
		if diff := cmp.Diff(want[0], got); diff != "" {
			t.Errorf("packet (-want +got):\n%s", diff)
		}
		if want = want[1:]; len(want) == 0 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

// errEnough ends a stream that has shown what it should.
var errEnough = errors.New("enough")

func TestTailEndsWithALastingError(t *testing.T) {
	mux := api()
	mux.Handle("GET /api/v1/logs", apitest.Refuse(403, "unauthorized", "not yours"))
	h := start(t, config{url: serve(t, mux)})
	err := h.Run(deadline(t), "tail/abc", []byte("{}"), func([]byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "not yours") {
		t.Errorf("error is %v", err)
	}
}
