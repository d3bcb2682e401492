package plugin_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/dataplane/sdata/numeric"
	"github.com/grafana/dataplane/sdata/timeseries"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

// Grafana's alert rules and recorded queries ask without a browser and read the
// answer with the package used here: series by their labels, newest values by
// theirs, and none where nothing is found.
func TestAlertRulesReadAnswers(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	series := []apitest.Series{
		{Labels: map[string]string{"service_name": "cart"}, Times: []int64{noon.UnixMilli() - 15000, noon.UnixMilli()}, Values: []float64{1, 3}},
		{Labels: map[string]string{"service_name": "payment"}, Times: []int64{noon.UnixMilli()}, Values: []float64{7}},
	}
	mux := api()
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Language, Query string
			Instant         bool
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		asked = append(asked, body.Language+" "+body.Query)
		mu.Unlock()
		found := series
		if body.Instant {
			found = []apitest.Series{{Labels: series[0].Labels, Times: series[0].Times[1:], Values: series[0].Values[1:]}, series[1]}
		}
		switch {
		case strings.Contains(body.Query, "nothing"):
			found = nil
		case strings.Contains(body.Query, "grid"):
			found = []apitest.Series{series[0], {Labels: series[1].Labels, Values: []float64{7, 9}}}
		}
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, found))(w, r)
	})
	mux.Handle("POST /api/v1/query/check", apitest.Answer("application/json", []byte(`{"language":"logql","query":"","kind":"vector"}`)))
	h := start(t, config{url: serve(t, mux)})
	evaluate := func(kind string, model map[string]any) backend.DataResponse {
		res, err := h.Query(deadline(t), map[string]string{"FromAlert": "true"}, dataQuery(t, "A", kind, model, noon))
		check(t, err)
		if res["A"].Error != nil {
			t.Fatal(res["A"].Error)
		}
		return res["A"]
	}

	apart := map[string][]float64{"cart": {1, 3}, "payment": {7}}
	for _, q := range []struct {
		kind  string
		model map[string]any
		asked string
		want  map[string][]float64
	}{
		{"metrics", map[string]any{"expr": "rate(x[$__rate_interval])", "legendFormat": "always the same"}, "promql rate(x[240s])", apart},
		{"metrics", map[string]any{"expr": "rate(grid[5m])"}, "promql rate(grid[5m])", map[string][]float64{"cart": {1, 3}, "payment": {7, 9}}},
		{"metrics", map[string]any{"expr": "x default 0", "language": "metricsql"}, "metricsql x default 0", apart},
		{"logs", map[string]any{"logsMode": "builder", "logql": "sum(rate({} [$__interval]))"}, "logql sum(rate({} [15s]))", apart},
		{"traces", map[string]any{"tracesMode": "traceql", "traceql": "{ } | rate()"}, "traceql { } | rate()", apart},
	} {
		reader, err := timeseries.CollectionReaderFromFrames(evaluate(q.kind, q.model).Frames)
		check(t, err)
		all, err := reader.GetCollection(true)
		check(t, err)
		got := map[string][]float64{}
		for _, ref := range all.Refs {
			n, err := ref.Len()
			check(t, err)
			for i := range n {
				_, v, err := ref.NullableFloat64Point(i)
				check(t, err)
				got[ref.GetLabels()["service_name"]] = append(got[ref.GetLabels()["service_name"]], *v)
			}
		}
		if diff := cmp.Diff(q.want, got); diff != "" || all.Warning != nil || all.RefID != "A" {
			t.Errorf("%v: %v, warning %v (-want +got):\n%s", q, all.RefID, all.Warning, diff)
		}
		if last := asked[len(asked)-1]; last != q.asked {
			t.Errorf("asked %q, want %q", last, q.asked)
		}
	}

	newest, err := numeric.CollectionReaderFromFrames(evaluate("metrics", map[string]any{"expr": "x", "instant": true}).Frames)
	check(t, err)
	all, err := newest.GetCollection(false) // validating data is not implemented there
	check(t, err)
	got := map[string]float64{}
	for _, ref := range all.Refs {
		v, _, err := ref.NullableFloat64Value()
		check(t, err)
		got[ref.GetLabels()["service_name"]] = *v
	}
	if diff := cmp.Diff(map[string]float64{"cart": 3, "payment": 7}, got); diff != "" || all.Warning != nil {
		t.Errorf("instant, warning %v (-want +got):\n%s", all.Warning, diff)
	}

	none, err := timeseries.CollectionReaderFromFrames(evaluate("metrics", map[string]any{"expr": "nothing"}).Frames)
	check(t, err)
	if c, err := none.GetCollection(true); err != nil || !c.NoData() {
		t.Errorf("no series: %+v %v", c, err)
	}
	zero, err := numeric.CollectionReaderFromFrames(evaluate("metrics", map[string]any{"expr": "nothing", "instant": true}).Frames)
	check(t, err)
	if c, err := zero.GetCollection(false); err != nil || !c.NoData() {
		t.Errorf("no values: %+v %v", c, err)
	}
}

// Lines, traces and what happened to alerts are annotations by the names of their
// fields; that they are wanted as such the front end says.
func TestAnnotations(t *testing.T) {
	mux := api()
	mux.Handle("GET /api/v1/logs", apitest.Answer(apitest.ArrowType, apitest.Logs(false, apitest.Log{ID: "7", TimeNS: noon.UnixNano(), Service: "cart",
		Severity: "ERROR", Body: "refused", TraceID: "5b8efff798038103d269b633813fc60c"})))
	mux.Handle("GET /api/v1/lines", apitest.Answer(apitest.ArrowType, apitest.Lines(apitest.Line{ID: "7", TimeNS: noon.UnixNano(), Line: "refused",
		Stream: []string{"service_name", "cart"}, Metadata: []string{"detected_level", "error"}})))
	mux.Handle("GET /api/v1/traces", apitest.Answer("application/json", []byte(`{"traces":[{"trace_id":"5b8efff798038103d269b633813fc60c","root_service":"cart",
		"root_name":"GET /","start":"2026-03-01T12:00:07Z","duration_ns":5000000,"span_count":3,"error_count":1,"spansets":[]}],"stats":{}}`)))
	mux.Handle("GET /api/v1/alerts/history", apitest.Answer("application/json", []byte(`{"events":[{"time":"2026-03-01T12:00:07Z","event":"firing","alert":"Slow",
		"group":"shop","value":2,"labels":{},"annotations":{"summary":"cart is slow"},"receiver":""}],"truncated":false}`)))
	h := start(t, config{url: serve(t, mux)})
	for _, tc := range []struct {
		kind              string
		model             map[string]any
		title, text, tags string
	}{
		{"logs", map[string]any{"annotation": true}, "cart", "refused", "error"},
		{"logs", map[string]any{"annotation": true, "logsMode": "code", "logql": `{} |= "refused"`}, "cart", "refused", "error"},
		{"traces", map[string]any{"annotation": true, "tracesMode": "search"}, "cart", "GET / took 5ms, 1 of 3 spans failed", "error"},
		{"traces", map[string]any{"annotation": true, "tracesMode": "traceql", "traceql": "{ status = error }"}, "cart", "GET / took 5ms, 1 of 3 spans failed", "error"},
		{"alerts", map[string]any{"annotation": true, "alertsMode": "history"}, "Slow", "cart is slow", `["firing","shop"]`},
	} {
		f := onlyFrame(t, h.query(tc.kind, tc.model, noon))
		got := map[string]any{}
		for _, field := range f.Fields {
			got[field.Name] = field.At(0)
			if raw, ok := field.At(0).(json.RawMessage); ok {
				got[field.Name] = string(raw)
			}
		}
		if at, ok := got["time"].(interface{ UnixNano() int64 }); !ok || at.UnixNano() != noon.UnixNano() {
			t.Errorf("%v: time %v", tc.model, got["time"])
		}
		if got["title"] != tc.title || got["text"] != tc.text || got["tags"] != tc.tags {
			t.Errorf("%s %v: %v", tc.kind, tc.model, got)
		}
	}
}

// The Grafana user's own token goes on to Trefoil where the data source says so,
// and nowhere else; a token of the data source's is sent for everybody.
func TestAuthorization(t *testing.T) {
	var mu sync.Mutex
	var sent string
	mux := api()
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		sent = r.Header.Get("Authorization")
		mu.Unlock()
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil))(w, r)
	})
	url := serve(t, mux)
	for _, tc := range []struct {
		name   string
		config config
		want   string
	}{
		{"nothing", config{}, ""},
		{"forwarded", config{json: map[string]any{"oauthPassThru": true}}, "Bearer of-the-user"},
		{"token", config{secure: map[string]string{"bearerToken": "of-the-source"}}, "Bearer of-the-source"},
	} {
		tc.config.url = url
		h := start(t, tc.config)
		res, err := h.Query(deadline(t), map[string]string{"Authorization": "Bearer of-the-user"}, dataQuery(t, "A", "metrics", map[string]any{"expr": "up"}, noon))
		if err != nil || res["A"].Error != nil || sent != tc.want {
			t.Errorf("%s: sent %q, want %q; %v %v", tc.name, sent, tc.want, err, res["A"].Error)
		}
	}
}

// A certificate is trusted when its authority is the configured one, and not
// otherwise.
func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(api())
	t.Cleanup(srv.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	trusting := start(t, config{url: srv.URL, json: map[string]any{"tlsAuthWithCACert": true}, secure: map[string]string{"tlsCACert": authority}})
	if ok, message, _ := trusting.health(); !ok {
		t.Errorf("with its authority: %s", message)
	}
	if ok, message, details := start(t, config{url: srv.URL}).health(); ok || details["problem"] != "misconfigured" || !strings.Contains(message, "is not trusted") {
		t.Errorf("without: %v %q %v", ok, message, details)
	}
	plain := strings.Replace(srv.URL, "https://", "http://", 1)
	if ok, message, _ := start(t, config{url: plain}).health(); ok || !strings.Contains(message, "HTTPS") && !strings.Contains(message, "400") {
		t.Errorf("http to TLS: %v %q", ok, message)
	}
}
