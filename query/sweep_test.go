package query_test

import (
	"net/http"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/sweeptest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// routes are those that read, with the parameters each knows.
var routes = map[string]string{
	"/prometheus/api/v1/query":                              "query time timeout limit stats explain lookback_delta",
	"/prometheus/api/v1/query_range":                        "query start end step timeout limit stats explain",
	"/prometheus/api/v1/query_exemplars":                    "query start end",
	"/prometheus/api/v1/series":                             "match[] start end limit",
	"/prometheus/api/v1/labels":                             "match[] start end limit",
	"/prometheus/api/v1/label/job/values":                   "match[] start end limit",
	"/prometheus/api/v1/metadata":                           "metric limit limit_per_metric",
	"/prometheus/api/v1/targets/metadata":                   "metric match_target limit",
	"/prometheus/api/v1/format_query":                       "query",
	"/prometheus/api/v1/parse_query":                        "query",
	"/prometheus/api/v1/status/tsdb":                        "limit",
	"/metricsql/api/v1/query":                               "query time step",
	"/metricsql/api/v1/query_range":                         "query start end step",
	"/loki/api/v1/query":                                    "query time limit direction",
	"/loki/api/v1/query_range":                              "query start end step limit direction interval since",
	"/loki/api/v1/labels":                                   "start end query since",
	"/loki/api/v1/label/service_name/values":                "start end query",
	"/loki/api/v1/series":                                   "match[] start end",
	"/loki/api/v1/index/stats":                              "query start end",
	"/loki/api/v1/index/volume":                             "query start end limit targetLabels aggregateBy",
	"/loki/api/v1/index/volume_range":                       "query start end step limit",
	"/loki/api/v1/patterns":                                 "query start end step",
	"/loki/api/v1/detected_labels":                          "query start end",
	"/loki/api/v1/detected_fields":                          "query start end limit line_limit",
	"/loki/api/v1/detected_field/n/values":                  "query start end limit line_limit",
	"/loki/api/v1/format_query":                             "query",
	"/tempo/api/search":                                     "q start end limit spss minDuration maxDuration tags",
	"/tempo/api/search/tags":                                "scope q start end limit",
	"/tempo/api/v2/search/tags":                             "scope q start end limit",
	"/tempo/api/search/tag/service.name/values":             "start end limit",
	"/tempo/api/v2/search/tag/resource.service.name/values": "q start end limit",
	"/tempo/api/metrics/query_range":                        "q start end step exemplars",
	"/tempo/api/metrics/query":                              "q start end",
	"/tempo/api/traces/abc":                                 "start end",
	"/tempo/api/v2/traces/zz":                               "start end",
	"/jaeger/api/services":                                  "x",
	"/jaeger/api/traces":                                    "service operation start end limit tags minDuration maxDuration lookback",
	"/jaeger/api/operations":                                "service spanKind",
	"/jaeger/api/dependencies":                              "endTs lookback",
	"/api/v1/logs":                                          "start end limit severity direction cursor",
	"/api/v1/lines":                                         "query start end limit direction cursor",
	"/api/v1/labels":                                        "signal match start end limit",
	"/api/v1/labels/service.name/values":                    "signal match start end limit",
	"/api/v1/join":                                          "q start end limit explain",
	"/api/v1/services":                                      "start end",
	"/api/v1/status":                                        "",
	"/api/v1/traces":                                        "q start end limit spans explain",
	"/api/v1/red":                                           "start end step service by",
	"/api/v1/service-graph":                                 "start end",
	"/api/v1/critical-path":                                 "start end service operation",
	"/api/v1/deltas":                                        "q selection start end limit",
	"/api/v1/cardinality":                                   "limit start end",
	"/api/v1/exemplars":                                     "query start end limit",
}

// usual are values with which a request is answered.
var usual = map[string][]string{
	"query": {"http_server_requests_total", "{job=~\".+\"}", "rate(http_server_requests_total[5m])", "http_server_request_duration_seconds_bucket", `{service_name=~".+"}`, `sum by (service_name) (rate({service_name=~".+"} |= "REFUSED" [1m]))`},
	"q":     {"{ status = error }", "{} | rate() by (resource.service.name)", "{} >> {} | by(name) | count() > 1", `logs |= "REFUSED"`},
	"match": {`{job=~".+"}`, "{ kind = server }"}, "match[]": {`{job=~".+"}`}, "signal": {"metrics", "logs", "traces"},
	"start": {"1699998200"}, "end": {"1700003600"}, "time": {"1700000600"}, "step": {"60"}, "limit": {"3"}, "service": {"acme-front"}, "operation": {"GET /cart"}, "selection": {"{ status = error }"}, "by": {"operation"},
}

// bodies are the routes that are asked with a document.
var bodies = map[string]string{
	"POST /api/v1/query":                 `{"query":"sum(http_server_requests_total)","language":"promql","start":1699998200,"end":"1700003600","step":"60s","limit":3,"explain":true,"instant":false,"shared_times":true}`,
	"POST /api/v1/query/check":           `{"query":"{} | rate()","language":"traceql"}`,
	"POST /api/v1/correlate":             `{"series":{"labels":{"service.name":"acme-front"},"at":1700000600},"around":"5m"}`,
	"POST /prometheus/api/v1/query":      "",
	"POST /loki/api/v1/query_range":      "",
	"POST /metricsql/api/v1/query_range": "",
}

// Whatever is asked, on every route that reads, is answered: with what was found or
// with what is wrong with it, in JSON, and the same when it is asked again.
func TestOddRequestsAreAnswered(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	for _, line := range []string{
		"GET /loki/api/v1/patterns?query=%7Bservice_name=~%22.%2B%22%7D&step=1e-10&start=1699998200&end=1700003600",
		"GET /tempo/api/metrics/query_range?q=%7B%7D%7Crate()&step=1e-10&start=1699998200&end=1700003600",
	} {
		if a := f.request("acme", line); a.status != 400 {
			t.Errorf("%s: status %d: %s", line, a.status, a.body)
		}
	}
	sweep := sweeptest.Sweep{URL: f.url, Header: http.Header{tenant.Header: {"acme"}}, Reads: routes, Usual: usual, Writes: bodies}
	sweep.Parameters(t, 60, "/tempo/api/traces/abc", "/tempo/api/v2/traces/zz")
	sweep.Bodies(t)
	sweep.Methods(t)
}
