package query_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// request is one that has an answer in the fixture. Empty is the status of the
// answer when nothing is stored.
type request struct {
	line   string
	schema string // of the native API's document, "" for Prometheus's
	empty  int
}

const hour = "start=1699998200&end=1700003600"

// requests has at least one request for every route that reads.
func requests(trace string) []request {
	const at = "&time=1700000600"
	return []request{
		{"GET /api/v1/logs?limit=3&" + hour, "LogPage", 200},
		{"GET /api/v1/logs?severity=error&limit=2&" + hour, "LogPage", 200},
		{"GET /api/v1/lines?query=%7Bservice_name=~%22acme.*%22%7D%7C=%22REFUSED%22%7Cline_format%20%22%7B%7B.n%7D%7D%20acme%22&limit=2&" + hour, "LinePage", 200},
		{"GET /api/v1/lines?query=%7B%7D%7Cregexp%20%22request%20(?P<nth>.*)%22&direction=forward&limit=1&" + hour, "LinePage", 200},
		{"GET /api/v1/traces/" + trace, "Trace", 404},
		{"GET /api/v1/traces/" + trace + "/context", "Context", 404},
		{"GET /api/v1/labels?signal=metrics&" + hour, "Names", 200},
		{"GET /api/v1/labels?signal=logs&" + hour, "Names", 200},
		{"GET /api/v1/labels?signal=traces&" + hour, "Names", 200},
		{"GET /api/v1/labels/http.route/values?" + hour, "Values", 200},
		{"GET /api/v1/labels/service.name/values?signal=logs&" + hour, "Values", 200},
		{"GET /api/v1/labels/service.name/values?signal=traces&" + hour, "Values", 200},
		{"GET /api/v1/labels/service_name/values?signal=logs&match=%7Buser_id=%22u3%22%7D&" + hour, "Values", 200},
		{"GET /api/v1/labels?signal=logs&match=%7Bservice_name=%22acme-front%22%7D&" + hour, "Names", 200},
		{"GET /api/v1/labels/span:name/values?signal=traces&match=%7Bresource.service.name=%22acme-front%22%7D&" + hour, "Values", 200},
		{"GET /api/v1/labels/service.name/values?signal=traces&match=%7Bkind=server%7D&" + hour, "Values", 200},
		{"GET /api/v1/services?" + hour, "Services", 200},
		{"GET /api/v1/labels/__name__/values?match={job=~\".%2b\"}&" + hour, "Values", 200},
		{"GET /api/v1/exemplars?query=http_server_request_duration_seconds_bucket&" + hour, "Exemplars", 200},
		{"GET /api/v1/cardinality?limit=3&" + hour, "Cardinality", 200},
		{"GET /api/v1/join?q=%7Bstatus=error%7D%7Clogs%7C=%22REFUSED%22%7Cexemplars%7Cby(resource.service.name)&" + hour, "Joined", 200},
		{"GET /api/v1/join?limit=2&q=%7Bspan.http.response.status_code%3E=500%7D%7Clogs%7C=%22REFUSED%22&" + hour, "Joined", 200},
		{"GET /api/v1/join?q=logs%7C=%22REFUSED%22%7Cspans%7Bkind=server%7D&" + hour, "Joined", 200},
		{"GET /api/v1/join?q=%7Bstatus=error%7D%7Cexemplars%20http_server_request_duration_seconds_bucket&" + hour, "Joined", 200},
		{`POST /api/v1/query {"query":"http_server_requests_total","start":1700000000,"end":1700000600,"step":"60s"}`, "MetricResult", 200},
		{`POST /api/v1/query {"query":"{job=~\".+\"}","instant":true,"end":1700000600}`, "MetricResult", 200},
		{"GET /prometheus/api/v1/query?query={job=~\".%2b\"}" + at, "", 200},
		{"POST /prometheus/api/v1/query query=http_server_requests_total" + at, "", 200},
		{"GET /prometheus/api/v1/query_range?query=rate(http_server_requests_total[5m])&start=1700000300&end=1700000600&step=60", "", 200},
		{"POST /prometheus/api/v1/query_range query=http_server_response_size_bytes&start=1700000300&end=1700000600&step=150", "", 200},
		{"GET /metricsql/api/v1/query?query=rate(http_server_requests_total)" + at, "", 200},
		{"POST /metricsql/api/v1/query_range query=WITH (q = increase(http_server_requests_total)) q default 0&start=1700000300&end=1700000600&step=150", "", 200},
		{"GET /metricsql/api/v1/query?query=histogram_quantile(0.9,{\"http.server.request.duration_bucket\"},\"bound\")" + at, "", 200},
		{"GET /metricsql/api/v1/series?match[]={job=~\".%2bfront\"%20or%20job=~\".%2bpay\"}&limit=1&" + hour, "", 200},
		{"GET /metricsql/api/v1/label/job/values?match[]=http_server_requests_total&" + hour, "", 200},
		{"GET /prometheus/api/v1/series?match[]={job=~\".%2b\"}&" + hour, "", 200},
		{"GET /prometheus/api/v1/labels?" + hour, "", 200},
		{"GET /prometheus/api/v1/label/__name__/values?" + hour, "", 200},
		{"GET /prometheus/api/v1/label/le/values?" + hour, "", 200},
		{"GET /prometheus/api/v1/label/instance/values?" + hour, "", 200},
		{"GET /prometheus/api/v1/metadata", "", 200},
		{"GET /prometheus/api/v1/metadata?metric=http_server_requests_total", "", 200},
		{"GET /prometheus/api/v1/targets/metadata?metric=http_server_requests_total", "", 200},
		{"GET /prometheus/api/v1/targets/metadata?match_target={instance=\"acme-1\"}&limit=2", "", 200},
		{"GET /prometheus/api/v1/status/tsdb?limit=5", "", 200},
		{"GET /prometheus/api/v1/query_exemplars?query=http_server_request_duration_seconds_bucket&" + hour, "", 200},
	}
}

// Every answer is what the document says, and the goldens say what it was.
func TestAnswers(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	validate := validator(t)
	var golden bytes.Buffer
	all := append(requests(fmt.Sprintf("%x", s.trace)),
		request{"GET /api/v1/status", "Status", 200}, request{"GET /prometheus/api/v1/status/buildinfo", "", 200},
		request{"GET /prometheus/api/v1/status/flags", "", 200}, request{"GET /prometheus/api/v1/status/config", "", 200},
		request{`POST /api/v1/query/check {"language":"logql","query":"sum(rate({a=\"acme\"} [5m]))>1"}`, "CheckedQuery", 200},
		request{`POST /api/v1/query/check {"language":"logql","query":"{a=\"acme\"}|json"}`, "CheckedQuery", 200},
		request{`POST /api/v1/query/check {"language":"traceql","query":"{ .acme = 1 }"}`, "CheckedQuery", 200},
		request{"GET /prometheus/api/v1/format_query?query=sum(rate(x[5m]))by(job)", "", 200})
	for _, r := range all {
		a := f.request("acme", r.line)
		if a.status != 200 {
			t.Errorf("%s: status %d: %s", r.line, a.status, a.body)
			continue
		}
		if r.schema != "" {
			validate(r.line, r.schema, a.body)
		}
		if !bytes.Contains(a.body, []byte("acme")) && r.empty != 0 && strings.Contains(r.line, "?") && !plain(r.line) {
			t.Errorf("%s: the shop is not in the answer: %s", r.line, a.body)
		}
		fmt.Fprintf(&golden, "%s\n%s\n\n", r.line, pretty(t, a.body))
	}
	storagetest.Golden(t, "answers.golden", golden.String())
}

// plain are requests whose answers do not name the shop.
func plain(line string) bool {
	return strings.Contains(line, "/labels?") || strings.Contains(line, "__name__") || strings.Contains(line, "label/le") || strings.Contains(line, "format_query") || strings.Contains(line, "v1/metadata?")
}

// A tenant never sees another's data, on no route.
func TestTenantsAreApart(t *testing.T) {
	f := newFixture(t, nil)
	acme := f.open("acme", "acme", 1)
	f.open("umbrella", "umbrella", 2)
	for _, r := range requests(fmt.Sprintf("%x", acme.trace)) {
		for _, stranger := range []tenant.ID{"umbrella", "nobody", tenant.Default} {
			a := f.request(stranger, r.line)
			body := bytes.ReplaceAll(a.body, []byte("http.route"), nil)
			if bytes.Contains(body, []byte("acme")) {
				t.Errorf("%s as %s shows acme: %s", r.line, stranger, a.body)
			}
			if stranger != "umbrella" && a.status != r.empty {
				t.Errorf("%s as %s: status %d, want %d: %s", r.line, stranger, a.status, r.empty, a.body)
			}
			if stranger != "umbrella" && bytes.Contains(body, []byte("umbrella")) {
				t.Errorf("%s as %s shows umbrella: %s", r.line, stranger, a.body)
			}
		}
	}
}

var changing = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"id": "\d+"`), `"id": "ID"`},
	{regexp.MustCompile(`"next_cursor": "[^"]+"`), `"next_cursor": "CURSOR"`},
	{regexp.MustCompile(`"elapsed_ms": \d+`), `"elapsed_ms": 0`},
	{regexp.MustCompile(`"goVersion": "[^"]+"`), `"goVersion": "go"`},
}

// pretty indents JSON and blanks what changes from run to run.
func pretty(t *testing.T, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", " "); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	s := b.String()
	for _, c := range changing {
		s = c.re.ReplaceAllString(s, c.with)
	}
	return s
}

// validator checks answers against the schemas of the document.
func validator(t *testing.T) func(what, schema string, body []byte) {
	t.Helper()
	text, err := os.ReadFile("nativeapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return func(what, schema string, body []byte) {
		t.Helper()
		sch, err := c.Compile("openapi.json#/components/schemas/" + schema)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v: %s", what, err, body)
		}
		if err := sch.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", what, err, body)
		}
	}
}

// What is refused before a request reaches its API is said as that API says it:
// clients show people only what they can read.
func TestErrorsInTheShapeOfTheirAPI(t *testing.T) {
	for path, want := range map[string]string{
		"/prometheus/api/v1/query":     `{"status":"error","errorType":"bad_data","error":"no such tenant"}`,
		"/metricsql/api/v1/query":      `{"status":"error","errorType":"bad_data","error":"no such tenant"}`,
		"/loki/api/v1/query_range":     "no such tenant\n",
		"/tempo/api/search":            "no such tenant\n",
		"/jaeger/api/services":         `{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"no such tenant"}]}` + "\n",
		"/api/v1/query":                `{"error":{"code":"bad_query","message":"no such tenant"}}` + "\n",
		"/alertmanager/api/v2/silence": `{"error":{"code":"bad_query","message":"no such tenant"}}` + "\n",
	} {
		w := httptest.NewRecorder()
		query.WriteError(w, path, &fault.Error{Code: fault.BadQuery, Message: "no such tenant"})
		if got := w.Body.String(); w.Code != http.StatusBadRequest || got != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, got, want)
		}
	}
}

// Grafana's source of metrics asks for suggested values with the method it is set to.
func TestLabelValuesByEitherMethod(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	const path = "/prometheus/api/v1/label/job/values?match[]=http_server_requests_total&start=1700000000&end=1700000120"
	get, post := f.request("acme", "GET "+path), f.request("acme", "POST "+path)
	if get.status != 200 || !bytes.Contains(get.body, []byte("acme-")) || post.status != get.status || !bytes.Equal(post.body, get.body) {
		t.Errorf("GET: status %d: %s\nPOST: status %d: %s", get.status, get.body, post.status, post.body)
	}
}

// The path of an expression, which alerts link to, leads to its answer in every language.
func TestQueryPaths(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	for name, expr := range map[string]string{
		language.PromQL:    `sum by (job) (http_server_requests_total)`,
		language.MetricsQL: `sum(rate(http_server_requests_total)) by (job)`,
		language.LogQL:     `sum by (service_name) (count_over_time({service_name=~"acme.+"} [1h]))`,
		language.TraceQL:   `{ resource.service.name =~ "acme.+" } | rate() by (resource.service.name)`,
	} {
		path := language.QueryPath(name, expr, time.Unix(1700000200, 0))
		if a := f.request("acme", "GET "+path); a.status != 200 || !bytes.Contains(a.body, []byte("acme-")) {
			t.Errorf("%s: %s: status %d: %s", name, path, a.status, a.body)
		}
	}
	if path := language.QueryPath("sql", "SELECT 1", time.Time{}); path != "" {
		t.Errorf("SQL is answered at %q", path)
	}
}
