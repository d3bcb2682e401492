package query_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// What Grafana's Tempo source asks of a source of metrics for its service graph and
// its table of operations is made of spans, each span counted once.
func TestSeriesOfSpans(t *testing.T) {
	f := newFixture(t, nil)
	f.open("acme", "acme", 1)
	instant := func(as tenant.ID, expr string) []string {
		t.Helper()
		a := f.request(as, "POST /prometheus/api/v1/query "+url.Values{"query": {expr}, "time": {"1700000060"}}.Encode())
		var found metrics
		if err := json.Unmarshal(a.body, &found); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %s", expr, a.status, a.body)
		}
		var out []string
		for _, s := range found.Data.Result {
			labels, _ := json.Marshal(s.Metric)
			out = append(out, fmt.Sprint(string(labels), " ", s.Value[1]))
		}
		slices.Sort(out)
		return out
	}
	const edge = `{"client":"acme-front","server":"acme-pay"} `
	for expr, want := range map[string][]string{
		`sum by (client, server) (increase(traces_service_graph_request_total[2m]))`:                                                 {edge + "1"},
		`sum by (client, server) (increase(traces_service_graph_request_failed_total[2m]))`:                                          {edge + "1"},
		`sum by (client, server) (increase(traces_service_graph_request_server_seconds_sum[2m]))`:                                    {edge + "0.06"},
		`sum by (client, server) (increase(traces_service_graph_request_server_seconds_count[1h]))`:                                  {edge + "1"},
		`group by (client, connection_type, server) (traces_service_graph_request_total)`:                                            {edge + "1"},
		`sum by (client, server) (increase(traces_service_graph_request_total{server!="acme-pay"}[2m]))`:                             nil,
		`sum by (client, server) (increase(traces_service_graph_request_total[2m] offset 5m))`:                                       nil,
		`histogram_quantile(1, sum by (le) (increase(traces_service_graph_request_server_seconds_bucket{client="acme-front"}[2m])))`: {"{} 0.064"},
		`sum by (span_name, span_kind, status_code) (increase(traces_spanmetrics_calls_total{service="acme-pay"}[2m]))`: {
			`{"span_kind":"SPAN_KIND_INTERNAL","span_name":"lost","status_code":"STATUS_CODE_UNSET"} 1`,
			`{"span_kind":"SPAN_KIND_SERVER","span_name":"POST /pay","status_code":"STATUS_CODE_ERROR"} 1`,
		},
		`sum(increase(traces_spanmetrics_calls_total[2m]))`:                                                  {"{} 4"},
		`sum(increase(traces_spanmetrics_latency_bucket{le="+Inf"}[2m]))`:                                    {"{} 4"},
		`sum(increase(traces_spanmetrics_latency_bucket{le="0.002",service="acme-pay"}[2m]))`:                {"{} 1"},
		`sum(increase(traces_spanmetrics_latency_sum{span_name="GET /cart"}[2m]))`:                           {"{} 0.1"},
		`sum(rate(traces_spanmetrics_calls_total[1m])) == bool sum(rate(traces_spanmetrics_size_total[1m]))`: nil,
		`sum(rate(traces_spanmetrics_calls_total[2m:10s])) > 0`:                                              {"{} 0.03333333333333333"},
	} {
		if got := instant("acme", expr); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", expr, got, want)
		}
		if got := instant("rival", expr); len(got) > 0 {
			t.Errorf("another tenant: %s: %q", expr, got)
		}
	}
	const match = "match[]=traces_service_graph_request_total&" + hour
	for path, want := range map[string]string{
		"series?" + match:              `[{"__name__":"traces_service_graph_request_total","client":"acme-front","server":"acme-pay"}]`,
		"labels?" + match:              `["__name__","client","server"]`,
		"label/server/values?" + match: `["acme-pay"]`,
		"series?match[]=traces_service_graph_request_server_seconds&" + hour:                                                       `[]`, // would be native histograms
		"query_range?query=round(sum(increase(traces_service_graph_request_total[1m])))>0&start=1700000000&end=1700000300&step=20": `[1700000020,"1"],[1700000040,"1"]`,
	} {
		if a := f.request("acme", "GET /prometheus/api/v1/"+path); a.status != 200 || !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %d %s, want %s", path, a.status, a.body, want)
		}
	}
	if a := f.request("acme", "GET /metricsql/api/v1/query?time=1700000060&query="+url.QueryEscape(`sum(increase(traces_service_graph_request_total[2m]))`)); !strings.Contains(string(a.body), `"1"]`) {
		t.Errorf("MetricsQL: %s", a.body)
	}
}
