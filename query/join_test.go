package query_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

type joined struct {
	Signal string
	Groups []struct {
		Values                         map[string]string
		Traces, Spans, Logs, Exemplars int
	}
	Spans, Logs []struct {
		TraceID string `json:"trace_id"`
		Name    string
		Body    any
	}
	Exemplars []struct {
		TraceID string `json:"trace_id"`
		Metric  string
	}
	Truncated bool
	Explain   *struct {
		Plan    []string
		Selects []struct{ Op, SQL string }
	}
}

// TestJoinOfThreeSignals asks over three signals, in both directions.
func TestJoinOfThreeSignals(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	f.open("umbrella", "umbrella", 2)
	for q, want := range map[string]string{
		`{ status = error } | logs |= "REFUSED" | by(resource.service.name, status)`:              "groups 1: map[resource.service.name:acme-pay status:error] 1 1 5 0",
		`{ } | logs | exemplars | by(kind)`:                                                       "groups 3: map[kind:internal] 1 1 5 2; map[kind:server] 1 2 5 2; map[kind:client] 1 1 5 2",
		`{ span.http.response.status_code >= 500 } | logs |= "request"`:                           "logs 0",
		`{ span.http.response.status_code >= 500 } | logs | user_id = "u3" | n >= 3`:              "logs 1",
		`{ span.http.response.status_code >= 500 } | logs {service_name="acme-pay"} != "nothing"`: "logs 5",
		`{ span.http.response.status_code >= 500 } | logs {service_name="acme-front"}`:            "logs 0",
		`logs |= "REFUSED" | spans { kind = server && status = error }`:                           "spans 1",
		`logs |= "REFUSED" | { }`:          "spans 4",
		`logs |= "request" | { }`:          "spans 0",
		`logs {service_name="acme-front"}`: "logs 15",
		`exemplars http_server_request_duration_seconds_bucket{service_name="acme-front"} | { }`: "spans 4",
		`exemplars {"http.server.request.duration"} | logs |~ "(?i)refused"`:                     "logs 5",
		`exemplars nothing | { }`:                                                                         "spans 0",
		`{ status = error } | exemplars`:                                                                  "exemplars 2",
		`logs |= "REFUSED" | spans { status = error } | exemplars | by(name)`:                             "groups 1: map[name:POST /pay] 1 1 5 2",
		`{ resource.service.name = "umbrella-pay" } | logs`:                                               "logs 0",
		`{ name = "GET /cart" } | { kind = server } | logs |= "REFUSED" or "x" | spans { .retry = true }`: "spans 1",
	} {
		var got joined
		s.get("/api/v1/join?"+around+"&q="+url.QueryEscape(q), &got)
		n := len(got.Groups) + len(got.Spans) + len(got.Logs) + len(got.Exemplars)
		text := fmt.Sprint(got.Signal, " ", n)
		for i, g := range got.Groups {
			text += map[bool]string{true: ": ", false: "; "}[i == 0] + fmt.Sprint(g.Values, " ", g.Traces, " ", g.Spans, " ", g.Logs, " ", g.Exemplars)
		}
		if text != want {
			t.Errorf("%s\n got %s\nwant %s", q, text, want)
		}
	}

	// It is one statement, and explain shows it.
	var got joined
	s.get("/api/v1/join?explain=true&limit=2&"+around+"&q="+url.QueryEscape(`{ status = error } | logs |= "REFUSED"`), &got)
	var statements []string
	for _, sel := range got.Explain.Selects {
		if sel.Op == "logs" {
			statements = append(statements, sel.SQL)
		}
	}
	if len(statements) != 1 || strings.Count(statements[0], "GLOBAL IN") < 1 || !strings.Contains(statements[0], "FROM spans") ||
		!strings.Contains(statements[0], "FROM logs") || len(got.Explain.Plan) != 2 || len(got.Logs) != 2 || !got.Truncated {
		t.Errorf("explain: %+v", got)
	}

	// And of TraceQL alone.
	for q, want := range map[string]string{`{ status = error }`: "says all of the query", `{ } >> { status = error }`: "more through"} {
		got.Explain = nil
		s.get("/api/v1/traces?explain=true&"+around+"&q="+url.QueryEscape(q), &got)
		if got.Explain == nil || !strings.Contains(fmt.Sprint(got.Explain.Plan), want) || len(got.Explain.Selects) < 2 {
			t.Errorf("explain %s: %+v", q, got.Explain)
		}
	}

	for q, want := range map[string]string{
		``:                            `invalid parameter`,
		`{ } | logs |= x`:             `"line":1,"column":15`,
		`{ } | logs | json | a = "b"`: `unsupported`,
		`{ } > { } | logs`:            `unsupported`,
		`{ } | logs | by(event:name)`: `unsupported`,
		`{ } | exemplars {a=~"b"}`:    `"line":1,"column":7`,
		`{ } | logs | by(resource.service.name) | logs`: `nothing stands behind by()`,
	} {
		a := s.request("acme", "GET /api/v1/join?q="+url.QueryEscape(q))
		if a.status != 400 && a.status != 501 || !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
	for language, q := range map[string]string{
		"traceql": `{ status = error } | rate()`, "logql": `sum(count_over_time({}[1m]))`, "promql": `sum(rate(http_server_requests_total[1m]))`, "metricsql": `sum(rate(http_server_requests_total[1m]))`,
	} {
		body, err := json.Marshal(map[string]any{"language": language, "query": q, "start": epoch.Unix(), "end": epoch.Unix() + 60, "explain": true})
		if err != nil {
			t.Fatal(err)
		}
		a := s.request("acme", "POST /api/v1/query "+string(body))
		var got struct {
			Explain struct {
				Plan    []string
				Selects []struct{ SQL string }
			}
		}
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != 200 || len(got.Explain.Plan) == 0 || len(got.Explain.Selects) == 0 || !strings.HasPrefix(got.Explain.Selects[0].SQL, "SELECT") {
			t.Errorf("explain %s: %d %s %v", language, a.status, a.body, err)
		}
	}
	if a := s.request("acme", `POST /api/v1/query {"query":"up","explain":true}`, "Accept", "application/vnd.apache.arrow.stream"); a.status != 400 {
		t.Errorf("explain in Arrow: %d %s", a.status, a.body)
	}
	if a := s.request("acme", "GET /api/v1/join?q=logs&explain=perhaps"); a.status != 400 {
		t.Errorf("explain=perhaps: %d %s", a.status, a.body)
	}
}

// TestJoinExample runs the example of the documentation.
func TestJoinExample(t *testing.T) {
	text, err := os.ReadFile("../docs/traceql.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```join\n(.*?)\n```\n.*?```json\n(.*?)\n```").FindSubmatch(text)
	if m == nil {
		t.Fatal("docs/traceql.md has no example of a join")
	}
	s := newFixture(t, nil).open("acme", "acme", 1)
	var got struct{ Groups []json.RawMessage }
	s.get("/api/v1/join?"+around+"&q="+url.QueryEscape(string(m[1])), &got)
	var want, have map[string]any
	if len(got.Groups) != 1 || json.Unmarshal(got.Groups[0], &have) != nil || json.Unmarshal(m[2], &want) != nil {
		t.Fatalf("%s: %s", m[1], got.Groups)
	}
	delete(have, "example")
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("%s\n got %v\ndocs say %v", m[1], have, want)
	}
}
