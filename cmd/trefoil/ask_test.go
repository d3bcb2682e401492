package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"go.opentelemetry.io/otel/trace"
)

// answered asks for what exportOneTrace sent by the commands, in every language and
// every form they have.
func answered(t *testing.T, p *process, id trace.TraceID) {
	t.Helper()
	const promql = `http_server_request_duration_seconds_count{http_route="/pay"}`
	for _, c := range []struct {
		args  []string
		table []string // words of it
		arrow bool
	}{
		{[]string{"promql", promql}, []string{"/pay"}, true},
		{[]string{"metricsql", promql}, []string{"/pay"}, true},
		{[]string{"logql", `{service_name="till"} |= "declined"`}, []string{"card declined by the bank"}, false},
		{[]string{"logql", `sum by (service_name) (count_over_time({service_name="till"}[1h]))`}, []string{"till"}, false},
		{[]string{"traceql", `{ name = "charge card" && span.amount = 4200 }`}, []string{"POST /pay", "till"}, false},
		{[]string{"trace", id.String()}, []string{"POST /pay", "charge card", "card declined by the bank"}, false},
	} {
		ask := func(form string) string {
			return invoke(t, append(append([]string{"query"}, c.args...), "--api", "http://"+p.API, "--color", "never", "-o", form)...)
		}
		if table := ask("table"); !all(c.table, table) {
			t.Errorf("query %s: %q is not all of it in the table:\n%s", strings.Join(c.args, " "), c.table, table)
		}
		if document := ask("json"); !json.Valid([]byte(document)) || !all(c.table, strings.ReplaceAll(document, `\/`, "/")) {
			t.Errorf("query %s -o json:\n%s", strings.Join(c.args, " "), document)
		}
		if !c.arrow {
			continue
		}
		rows := int64(0)
		stream, err := ipc.NewReader(strings.NewReader(ask("arrow")))
		if err != nil {
			t.Errorf("query %s -o arrow: %v", strings.Join(c.args, " "), err)
			continue
		}
		for stream.Next() {
			rows += stream.Record().NumRows()
		}
		if stream.Release(); stream.Err() != nil || rows == 0 {
			t.Errorf("query %s -o arrow: %d rows, %v", strings.Join(c.args, " "), rows, stream.Err())
		}
	}
}

func all(words []string, text string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
