package query_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
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
	"/api/v1/cardinality":                                   "limit start end",
	"/api/v1/exemplars":                                     "query start end limit",
}

// usual are values with which a request is answered.
var usual = map[string][]string{
	"query": {"http_server_requests_total", "{job=~\".+\"}", "rate(http_server_requests_total[5m])", "http_server_request_duration_seconds_bucket", `{service_name=~".+"}`, `sum by (service_name) (rate({service_name=~".+"} |= "REFUSED" [1m]))`},
	"q":     {"{ status = error }", "{} | rate() by (resource.service.name)", "{} >> {} | by(name) | count() > 1", `logs |= "REFUSED"`},
	"match": {`{job=~".+"}`, "{ kind = server }"}, "match[]": {`{job=~".+"}`}, "signal": {"metrics", "logs", "traces"},
	"start": {"1699998200"}, "end": {"1700003600"}, "time": {"1700000600"}, "step": {"60"}, "limit": {"3"}, "service": {"acme-front"},
}

// odd are values of every kind that some parameter does not want.
var odd = []string{"", "0", "-1", "1e999", "NaN", "inf", "-inf", "9223372036854775807", "99999999999999999999", "0x1p-1074", "1e-10", "-0", "x", "\x00", "\xff", "%", "1h", "-5m", "0s",
	"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1700000600000000000", "true", "{}", "{", "up", "sum(", "sum by (", `{service_name=~".+"} | json | line_format "{{.x}}"`,
	`{service_name=~".+"} | label_format a="{{ 1 | }}"`, `quantile_over_time(2, {service_name=~".+"} | unwrap n [5m])`, `count_over_time({service_name=~".+"}[0s])`, `{service_name=~".+"} |~ "("`,
	`{service_name=~".+"} | pattern "<a><b>"`, "topk(1e9, up)", `label_replace(up,"a","$1","b","(")`, `histogram_quantile(2,{__name__=~".+"})`, "vector(1)[10y:1ms]", "up @ 1e300", "up offset -1000y",
	strings.Repeat("a", 5000), strings.Repeat("(", 3000), `{a=~"(((((((((a*)*)*)*)*)*)*)*)*"}`, `{ .a =~ "(" }`, "{ duration > 1y }", "{} | compare({status=error})", "{} | quantile_over_time(duration, 2)",
	"rollup_rate(http_server_requests_total[1m])", "WITH (a=a) a", "with (f(x)=f(x)) f(1)", `quantiles("p",2,up)`, "$__range", "'", `"`, "`", "💥", "a\r\nb"}

// Whatever is asked, on every route that reads, is answered: with what was found or
// with what is wrong with it, in JSON, and the same when it is asked again.
func TestOddRequestsAreAnswered(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	rng := rand.New(rand.NewPCG(3, 4))
	one := func(of []string) string { return of[rng.IntN(len(of))] }
	for _, line := range []string{
		"GET /loki/api/v1/patterns?query=%7Bservice_name=~%22.%2B%22%7D&step=1e-10&start=1699998200&end=1700003600",
		"GET /tempo/api/metrics/query_range?q=%7B%7D%7Crate()&step=1e-10&start=1699998200&end=1700003600",
	} {
		if a := f.request("acme", line); a.status != 400 {
			t.Errorf("%s: status %d: %s", line, a.status, a.body)
		}
	}
	answered := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(routes)) {
		names := routes[path]
		for n := range 60 {
			form := url.Values{}
			for _, name := range strings.Fields(names) {
				switch usual := usual[name]; {
				case usual != nil && rng.IntN(4) > 0:
					form.Set(name, one(usual))
				case n >= 10 && rng.IntN(2) == 0: // the first ones ask for nothing odd
					form.Set(name, one(odd))
				}
			}
			line := "GET " + path + "?" + form.Encode()
			first, second := f.request("acme", line), f.request("acme", line)
			if first.status >= 500 || second.status >= 500 {
				t.Errorf("%.500s: status %d and %d: %.500s", line, first.status, second.status, second.body)
			}
			if first.status != second.status {
				t.Errorf("%.500s: status %d and then %d", line, first.status, second.status)
			}
			if first.status < 300 {
				answered[path] = true
				if !json.Valid(first.body) && len(first.body) > 0 && !strings.HasPrefix(first.header.Get("Content-Type"), "application/protobuf") {
					t.Errorf("%.500s: no JSON: %.200s", line, first.body)
				}
			}
		}
		if !answered[path] && !strings.Contains(path, "/traces/") {
			t.Errorf("%s never had an answer: the test asks the wrong thing", path)
		}
	}
}
