package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/sweeptest"
)

// Whatever is asked of alerting, of the program about itself or of the doors, is
// answered: with what is so, or with what is wrong with the request.
func TestOddRequestsAreAnswered(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	writeFile(t, rules, `
groups:
  - name: shop
    interval: 1s
    rules:
      - {alert: Always, expr: 'vector(1)', labels: {severity: page}}
      - {record: shop:one, expr: 'vector(1)'}
`)
	p := startServe(t, newDataDir(t), "--rules", rules, "--alert-webhook", newWebhook(t).url)
	eventually(t, 30*time.Second, "an alert", func() error { return p.get("/prometheus/api/v1/alerts", nil) })
	soon, later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)
	sweep := sweeptest.Sweep{
		URL: "http://" + p.API,
		Reads: map[string]string{
			"/prometheus/api/v1/rules":              "type rule_name[] rule_group[] file[] match[] exclude_alerts group_limit group_next_token",
			"/prometheus/api/v1/alerts":             "x",
			"/alertmanager/api/v2/status":           "x",
			"/alertmanager/api/v2/receivers":        "x",
			"/alertmanager/api/v2/alerts":           "active silenced inhibited unprocessed filter receiver",
			"/alertmanager/api/v2/alerts/groups":    "active silenced inhibited muted filter receiver",
			"/alertmanager/api/v2/silences":         "filter",
			"/alertmanager/api/v2/silence/x":        "y",
			"/alertmanager/-/healthy":               "x",
			"/alertmanager/-/ready":                 "x",
			"/api/v1/alerts":                        "start end limit",
			"/api/v1/maintenance":                   "x",
			"/api/v1/limits":                        "x",
			"/api/v1/status":                        "",
			"/api/v1/alerts/history":                "start end limit",
			"/prometheus/api/v1/status/buildinfo":   "x",
			"/prometheus/api/v1/status/config":      "x",
			"/prometheus/api/v1/status/flags":       "x",
			"/prometheus/api/v1/status/runtimeinfo": "x",
			"/loki/api/v1/status/buildinfo":         "x",
			"/tempo/api/status/buildinfo":           "x",
			"/openapi.yaml":                         "x",
			"/livez":                                "x",
			"/readyz":                               "x",
			"/metrics":                              "name[]",
			"/":                                     "x",
		},
		Usual: map[string][]string{
			"type": {"alert", "record"}, "rule_name[]": {"Always"}, "match[]": {`{severity="page"}`}, "exclude_alerts": {"true"}, "group_limit": {"1"},
			"active": {"true", "false"}, "silenced": {"true"}, "inhibited": {"true"}, "unprocessed": {"true"}, "filter": {`alertname="Always"`, "severity=~p.*"}, "receiver": {".*"},
			"start": {"1699998200"}, "end": {"1700003600"}, "limit": {"3"},
		},
		Writes: map[string]string{
			"POST /alertmanager/api/v2/alerts":      `[{"labels":{"alertname":"Odd","a":"b"},"annotations":{"summary":"odd"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"` + later + `","generatorURL":"http://x.example/"}]`,
			"POST /alertmanager/api/v2/silences":    `{"matchers":[{"name":"alertname","value":"Nobody","isRegex":false,"isEqual":true}],"startsAt":"` + soon + `","endsAt":"` + later + `","createdBy":"a","comment":"b"}`,
			"POST /api/v1/maintenance":              `{"matchers":["alertname=\"Nobody\""],"starts_at":"` + soon + `","ends_at":"` + later + `","created_by":"a","comment":"b","repeat":{"weekdays":["monday"],"timezone":"Europe/Berlin","until":"2096-01-01T00:00:00Z"}}`,
			"DELETE /api/v1/maintenance/x":          "",
			"DELETE /alertmanager/api/v2/silence/x": "",
			"POST /-/reload":                        "",
			"POST /prometheus/-/reload":             "",
			"POST /prometheus/api/v1/write":         "",
			"POST /loki/api/v1/push":                `{"streams":[{"stream":{"a":"b"},"values":[["` + strconv.FormatInt(time.Now().UnixNano(), 10) + `","line"]]}]}`,
		},
	}
	sweep.Parameters(t, 60, "/alertmanager/api/v2/silence/x")
	sweep.Bodies(t)
	sweep.Methods(t)
	doors := sweeptest.Sweep{URL: "http://" + p.OTLP, Writes: map[string]string{
		"POST /v1/logs":    `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"1700000000000000000","severityNumber":9,"body":{"stringValue":"x"},"traceId":"00112233445566778899aabbccddeeff","spanId":"0011223344556677"}]}]}]}`,
		"POST /v1/metrics": `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"timeUnixNano":"1700000000000000000","asDouble":1.5}]}}]}]}]}`,
		"POST /v1/traces":  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00112233445566778899aabbccddeeff","spanId":"0011223344556677","name":"x","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000001000000000"}]}]}]}`,
	}}
	doors.Bodies(t)
	doors.Methods(t)
	for _, words := range []string{"msg=panic", "error gathering metrics"} {
		if strings.Contains(p.log.String(), words) {
			t.Errorf("the log has %q", words)
		}
	}
	if err := p.get("/readyz", nil); err != nil {
		t.Errorf("after all that: %v", err)
	}
}
