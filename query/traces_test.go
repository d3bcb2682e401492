package query_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// get answers a path's JSON, which must be a success.
func (s *shop) get(path string, into any) {
	s.Helper()
	a := s.request(s.tenant, "GET "+path)
	if a.status != 200 {
		s.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		s.Fatalf("GET %s: %v: %s", path, err, a.body)
	}
}

// raw answers a path's protobuf, every byte of it.
func (s *shop) raw(path string) []byte {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set(tenant.Header, string(s.tenant))
	req.Header.Set("Accept", "application/protobuf")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %d %s %v", path, res.StatusCode, body, err)
	}
	return body
}

var around = fmt.Sprintf("start=%d&end=%d", epoch.Unix()-60, epoch.Unix()+600)

func TestTempo(t *testing.T) {
	s := newFixture(t, nil).open("a", "alpha", 1)
	id := hex.EncodeToString(s.trace[:])
	if a := s.request("a", "GET /tempo/api/echo"); a.status != 200 || string(a.body) != "echo" {
		t.Errorf("echo: %d %s", a.status, a.body)
	}

	// By ID, in the message of each version; Grafana asks for protobuf.
	for _, path := range []string{"/tempo/api/traces/", "/tempo/api/v2/traces/"} {
		body := s.raw(path + id)
		if strings.Contains(path, "v2") {
			num, typ, n := protowire.ConsumeTag(body)
			if num != 1 || typ != protowire.BytesType {
				t.Fatalf("%s: field %d", path, num)
			}
			body, _ = protowire.ConsumeBytes(body[n:])
		}
		req := ptraceotlp.NewExportRequest()
		if err := req.UnmarshalProto(body); err != nil || req.Traces().SpanCount() != 4 {
			t.Errorf("%s: %d spans, %v", path, req.Traces().SpanCount(), err)
		}
	}
	var v1 struct {
		Batches []struct {
			ScopeSpans []struct {
				Spans []struct {
					TraceID string `json:"traceId"`
				}
			}
		}
	}
	s.get("/tempo/api/traces/"+id, &v1)
	if len(v1.Batches) != 2 || v1.Batches[0].ScopeSpans[0].Spans[0].TraceID != "zQAAAAAAAAAAAAAAAAAAAQ==" {
		t.Errorf("as JSON: %+v", v1)
	}
	for path, want := range map[string]int{"/tempo/api/traces/1234": 404, "/tempo/api/v2/traces/1234": 404, "/tempo/api/traces/xyz": 400, "/tempo/api/nothing": 404} {
		if a := s.request("a", "GET "+path); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.request("b", "GET /tempo/api/traces/"+id); a.status != 404 {
		t.Errorf("another tenant's trace: %d %s", a.status, a.body)
	}

	type searchAnswer struct {
		Traces []struct {
			TraceID, RootServiceName, RootTraceName, StartTimeUnixNano string
			DurationMs                                                 int
			SpanSet                                                    struct {
				Matched int
				Spans   []struct{ SpanID, Name, DurationNanos string }
			}
		}
	}
	for q, want := range map[string]int{
		"q=" + url.QueryEscape(`{ status = error && resource.service.name = "alpha-pay" }`): 1,
		"q=" + url.QueryEscape(`{ kind = client } > { status = error }`):                    1,
		"q=" + url.QueryEscape(`{ span.http.response.status_code = 500 }`):                  1,
		"tags=" + url.QueryEscape(`http.route=/cart http.response.status_code=500`):         1,
		"tags=" + url.QueryEscape(`service.name="alpha-pay" retry=true`):                    1,
		"tags=service.name%3Dnobody": 0,
		"minDuration=90ms":           1,
		"minDuration=200ms":          0,
		"maxDuration=50ms":           0,
		"":                           1,
	} {
		var got searchAnswer
		s.get("/tempo/api/search?"+around+"&"+q, &got)
		if len(got.Traces) != want {
			t.Errorf("search %s: %+v", q, got)
		}
		if want == 1 {
			tr := got.Traces[0]
			if tr.TraceID != id || tr.RootServiceName != "alpha-front" || tr.RootTraceName != "GET /cart" || tr.DurationMs != 100 || tr.SpanSet.Matched == 0 {
				t.Errorf("search %s: %+v", q, tr)
			}
		}
	}
	a := s.request("a", "GET /tempo/api/search?q="+url.QueryEscape("{ duration = \"x\" }"))
	if a.status != 400 || !strings.Contains(string(a.body), "1:12: ") || !strings.Contains(string(a.body), "           ^") {
		t.Errorf("a mistake: %d %s", a.status, a.body)
	}

	var scopes struct {
		Scopes []struct {
			Name string
			Tags []string
		}
	}
	s.get("/tempo/api/v2/search/tags?"+around, &scopes)
	if len(scopes.Scopes) != 6 || !strings.Contains(fmt.Sprint(scopes), "{event [exception.message]} {link [why]}") || !strings.Contains(fmt.Sprint(scopes), "http.route") || !strings.Contains(fmt.Sprint(scopes), "host.name") {
		t.Errorf("tags: %+v", scopes)
	}
	var values struct {
		TagValues []struct{ Type, Value string }
	}
	s.get("/tempo/api/v2/search/tag/span.http.response.status_code/values?"+around, &values)
	if fmt.Sprint(values) != "{[{int 500}]}" {
		t.Errorf("values: %+v", values)
	}
	for path, want := range map[string]string{
		"event.exception.message/values?": "{[{string refused}]}", "link.why/values?": "{[{string batch}]}", "name/values?": "{[{string GET /cart} {string POST /pay} {string lost} {string pay alpha}]}",
		".retry/values?":     "{[{bool true}]}",
		"event:name/values?": "{[{string exception}]}",
		"span.amount/values?q=" + url.QueryEscape(`{ resource.service.name = "alpha-pay" }`) + "&":                   "{[{float 12.5}]}",
		"span.amount/values?q=" + url.QueryEscape(`{ resource.service.name = "alpha-front" }`) + "&":                 "{[]}",
		"span.amount/values?q=" + url.QueryEscape(`{ resource.service.name = "alpha-pay" && status = error }`) + "&": "{[{float 12.5}]}",
		"span.amount/values?q=" + url.QueryEscape(`{ status = ok }`) + "&":                                           "{[]}",
		"resource.host.name/values?": "{[{string h1}]}",
	} {
		s.get("/tempo/api/v2/search/tag/"+strings.Replace(path, "?", "?"+around+"&", 1), &values)
		if fmt.Sprint(values) != want {
			t.Errorf("values of %s: %v, want %s", path, values, want)
		}
	}
	var plain struct{ TagValues []string }
	s.get("/tempo/api/search/tag/service.name/values?"+around, &plain)
	if fmt.Sprint(plain) != "{[alpha-front alpha-pay]}" {
		t.Errorf("values: %+v", plain)
	}

	var series struct {
		Series []struct {
			PromLabels string
			Value      *float64
			Samples    []struct {
				TimestampMs string
				Value       float64
			}
			Exemplars []struct {
				Labels []struct {
					Key   string
					Value struct{ StringValue string }
				}
			}
		}
	}
	q := url.QueryEscape(`{ } | count_over_time() by(resource.service.name)`)
	s.get("/tempo/api/metrics/query_range?step=60s&"+around+"&q="+q, &series)
	total := 0.0
	for _, sr := range series.Series {
		for _, p := range sr.Samples {
			total += p.Value
		}
	}
	if len(series.Series) != 2 || total != 4 || series.Series[0].PromLabels != `{"resource.service.name"="alpha-front"}` ||
		len(series.Series[0].Exemplars) != 1 || series.Series[0].Exemplars[0].Labels[0].Value.StringValue != id {
		t.Errorf("range: %+v", series)
	}
	series.Series = nil
	s.get("/tempo/api/metrics/query?"+around+"&q="+q, &series)
	if len(series.Series) != 2 || *series.Series[0].Value != 2 {
		t.Errorf("instant: %+v", series)
	}
}

func TestJaeger(t *testing.T) {
	s := newFixture(t, nil).open("a", "alpha", 1)
	id := hex.EncodeToString(s.trace[:])
	s.idle("alpha-idle")
	var names struct{ Data []string }
	s.get("/jaeger/api/services", &names)
	if fmt.Sprint(names.Data) != "[alpha-front alpha-pay]" {
		t.Errorf("services %q", names.Data)
	}
	s.get("/jaeger/api/services/alpha-pay/operations", &names)
	if fmt.Sprint(names.Data) != "[POST /pay lost]" {
		t.Errorf("operations %q", names.Data)
	}
	type answer struct {
		Data []struct {
			TraceID string
			Spans   []struct {
				OperationName string
				StartTime     int64
				References    []struct{ RefType, SpanID string }
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	var one answer
	s.get("/jaeger/api/traces/"+id, &one)
	if len(one.Data) != 1 || len(one.Data[0].Spans) != 4 || len(one.Data[0].Processes) != 2 || one.Data[0].Spans[0].StartTime != epoch.UnixMicro() {
		t.Errorf("trace %+v", one)
	}
	window := fmt.Sprintf("start=%d&end=%d", epoch.Add(-time.Minute).UnixMicro(), epoch.Add(time.Minute).UnixMicro())
	for q, want := range map[string]int{
		"service=alpha-pay": 1, "service=alpha-pay&operation=POST+%2Fpay": 1, "service=alpha-pay&minDuration=1s": 0, "service=nobody": 0,
		"service=alpha-pay&tags=" + url.QueryEscape(`{"error":"true","amount":"12.5"}`): 1, "service=alpha-front&tag=http.response.status_code:500": 1,
		"traceID=" + id: 1,
	} {
		var found answer
		s.get("/jaeger/api/traces?"+window+"&"+q, &found)
		if len(found.Data) != want {
			t.Errorf("%s: %+v", q, found)
		}
	}
	var deps struct {
		Data []struct {
			Parent, Child string
			CallCount     int
		}
	}
	s.get(fmt.Sprintf("/jaeger/api/dependencies?endTs=%d&lookback=3600000", epoch.Add(time.Minute).UnixMilli()), &deps)
	if fmt.Sprint(deps.Data) != "[{alpha-front alpha-pay 1}]" {
		t.Errorf("dependencies %+v", deps)
	}
	if a := s.request("a", "GET /jaeger/api/traces"); a.status != 400 || !strings.Contains(string(a.body), `"errors":[{"code":400`) {
		t.Errorf("no service: %d %s", a.status, a.body)
	}
	if a := s.request("a", "GET /jaeger/api/traces/77"); a.status != 404 {
		t.Errorf("no trace: %d %s", a.status, a.body)
	}
}

func TestJoin(t *testing.T) {
	f := newFixture(t, nil)
	alerts := alertstore.New(f.db, 20_000)
	if err := alerts.PutInstances(t.Context(), "a", "once", []alertstore.Instance{{
		RuleID: 1, Fingerprint: 2, Group: "g", Alert: "PaymentFails", State: alertstore.Firing, ActiveAt: epoch.Add(-time.Minute), FiredAt: epoch.Add(-time.Second),
		Labels: map[string]string{"service_name": "alpha-pay"}, Annotations: map[string]string{}, UpdatedAt: alerts.Stamp(),
	}}); err != nil {
		t.Fatal(err)
	}
	s := serve(t, f.db, func(c *query.Config) { c.Alerts = alerts }).open("a", "alpha", 1)
	id := hex.EncodeToString(s.trace[:])
	var c struct {
		NearLogs struct{ Records []struct{ Service string } } `json:"near_logs"`
		RED      []struct {
			Service          string
			Requests, Errors int
			Failed           *struct {
				TraceID string `json:"trace_id"`
			}
		}
		Alerts     []struct{ Alert string }
		Saturation []struct {
			Metric, Service string
			Times           []int64
			Values          []float64
		}
		Partial []any
	}
	s.get("/api/v1/traces/"+id+"/context", &c)
	if len(c.Saturation) != 2 || c.Saturation[0].Service != "alpha-front" || c.Saturation[1].Service != "alpha-pay" || c.Saturation[1].Metric != "process_memory_usage_bytes" ||
		len(c.Saturation[1].Values) < 10 || c.Saturation[1].Values[0] < 1e6 || len(c.Saturation[1].Times) != len(c.Saturation[1].Values) {
		t.Errorf("saturation: %+v", c.Saturation)
	}
	if len(c.NearLogs.Records) != 15 || len(c.RED) != 2 || c.RED[1].Service != "alpha-pay" || c.RED[1].Errors != 1 || c.RED[1].Failed.TraceID != id ||
		len(c.Alerts) != 1 || len(c.Partial) != 0 {
		t.Errorf("context: %+v", c)
	}

	// From nothing but the alert to the failing span.
	a := s.request("a", `POST /api/v1/correlate {"alert":{"labels":{"service_name":"alpha-pay"},"at":"`+epoch.Format(time.RFC3339)+`"}}`)
	var rel struct {
		Services []string
		Links    []struct{ Kind, Title, Href string }
		Changes  []struct {
			Service    string
			ErrorShare float64 `json:"error_share"`
		}
		Deltas struct {
			Selected int `json:"selected_spans"`
			Deltas   []struct{ Field, Value string }
		}
		Patterns []struct {
			Service, Pattern string
			Count            int
		}
		Partial []any
	}
	if err := json.Unmarshal(a.body, &rel); err != nil || a.status != 200 {
		t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	if len(rel.Partial) != 0 || len(rel.Changes) != 1 || rel.Changes[0].ErrorShare != 1 || rel.Deltas.Selected != 1 ||
		!strings.Contains(fmt.Sprint(rel.Links), "/api/v1/traces/"+id+"/context") {
		t.Errorf("correlate: %s", a.body)
	}
	if fmt.Sprint(rel.Patterns) != "[{alpha-pay Card REFUSED for alpha 5}]" {
		t.Errorf("new patterns: %+v", rel.Patterns)
	}
	// The same lines are nothing new to whom some of them came before.
	a = s.request("a", fmt.Sprintf(`POST /api/v1/correlate {"alert":{"labels":{"service_name":"alpha-pay"},"at":%d},"around":"299.9s"}`, epoch.Unix()+300))
	rel.Patterns = nil
	if err := json.Unmarshal(a.body, &rel); err != nil || len(rel.Patterns) != 0 {
		t.Errorf("old patterns: %d %s %v", a.status, a.body, err)
	}
	for _, body := range []string{
		`{"span":{"trace_id":"` + id + `","span_id":"ab00000000000003"}}`, `{"series":{"labels":{"job":"shop/alpha-pay"},"at":` + fmt.Sprint(epoch.Unix()) + `}}`,
		`{"log":{"trace_id":"` + id + `","labels":{},"at":` + fmt.Sprint(epoch.Unix()) + `}}`,
	} {
		if a := s.request("a", "POST /api/v1/correlate "+body); a.status != 200 || !strings.Contains(string(a.body), id) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	for _, body := range []string{`{}`, `{"span":{},"log":{}}`, `{"span":{"trace_id":"x"}}`, `{"alert":{"labels":{}}}`, `{"nothing":1}`} {
		if a := s.request("a", "POST /api/v1/correlate "+body); a.status != 400 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}

	var path struct {
		Path []struct {
			Service, Name string
			DurationNS    int64 `json:"duration_ns"`
		}
	}
	s.get("/api/v1/traces/"+id+"/critical-path", &path)
	var names []string
	var sum int64
	for _, p := range path.Path {
		names = append(names, p.Name)
		sum += p.DurationNS
	}
	if got := strings.Join(names, " | "); got != "GET /cart | pay alpha | POST /pay | pay alpha | GET /cart" || sum != 100_000_000 {
		t.Errorf("critical path %s of %d ns", got, sum)
	}
	var shares struct {
		Traces int
		Shares []struct{ Name string }
	}
	s.get("/api/v1/critical-path?service=alpha-front&operation=GET+%2Fcart&"+around, &shares)
	if shares.Traces != 1 || len(shares.Shares) != 3 || shares.Shares[0].Name != "POST /pay" {
		t.Errorf("operation's path %+v", shares)
	}
	var graph struct {
		Edges []struct{ Client, Server string }
	}
	s.get("/api/v1/service-graph?"+around, &graph)
	if fmt.Sprint(graph) != "{[{alpha-front alpha-pay}]}" {
		t.Errorf("graph %+v", graph)
	}
	var found struct {
		Traces []struct {
			TraceID string `json:"trace_id"`
		}
	}
	s.get("/api/v1/traces?"+around+"&q="+url.QueryEscape("{ status = error }"), &found)
	if len(found.Traces) != 1 || found.Traces[0].TraceID != id {
		t.Errorf("search %+v", found)
	}
	var deltas struct{ Deltas []struct{ Field string } }
	s.get("/api/v1/deltas?"+around+"&q="+url.QueryEscape("{ }")+"&selection="+url.QueryEscape("{ status = error }"), &deltas)
	if len(deltas.Deltas) == 0 {
		t.Errorf("deltas %+v", deltas)
	}
	var red struct{ Rows []struct{ Operation string } }
	s.get("/api/v1/red?by=operation&"+around, &red)
	if fmt.Sprint(red) != "{[{GET /cart} {POST /pay}]}" {
		t.Errorf("red %+v", red)
	}
	a = s.request("a", `POST /api/v1/query {"language":"traceql","query":"{ } | count_over_time() by(resource.service.name)","start":`+fmt.Sprint(epoch.Unix()-60)+`,"end":`+fmt.Sprint(epoch.Unix()+60)+`,"step":"1m"}`)
	if a.status != 200 || !strings.Contains(string(a.body), `"resource_service_name":"alpha-pay"`) {
		t.Errorf("as a metric query: %d %s", a.status, a.body)
	}
}
