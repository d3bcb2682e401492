package frames

import "github.com/grafana/grafana-plugin-sdk-go/data"

// Source names this data source, for links that stay inside it.
type Source struct {
	UID, Name string
}

// The fields of a query that links fill in; src/types.ts has all of them. What
// stands in ${…} Grafana replaces by the clicked row's values.
const (
	ofValue   = "${__value.raw}"
	ofTrace   = "${__data.fields.traceID}"
	ofSpan    = "${__data.fields.spanID}"
	ofService = "${__data.fields.serviceName}"
)

func (s Source) link(title string, query map[string]any) data.DataLink {
	return data.DataLink{Title: title, Internal: &data.InternalDataLink{DatasourceUID: s.UID, DatasourceName: s.Name, Query: query}}
}

// trace opens the trace whose ID the clicked cell holds.
func (s Source) trace() data.DataLink {
	return s.link("View trace", map[string]any{"queryType": "traces", "tracesMode": "id", "traceId": ofValue})
}

// traceLogs opens the logs of a span's whole trace, spanLogs those of one span.
func (s Source) traceLogs() data.DataLink {
	return s.link("Logs of the trace", map[string]any{"queryType": "logs", "logTraceId": ofTrace})
}

func (s Source) spanLogs() data.DataLink {
	return s.link("Logs of the span", map[string]any{"queryType": "logs", "logTraceId": ofTrace, "logSpanId": ofSpan})
}

// serviceMetrics opens the rate of a span's service by how its requests ended:
// the server metrics of OpenTelemetry's conventions, whatever the protocol.
func (s Source) serviceMetrics() data.DataLink {
	return s.link("Requests of the service", map[string]any{"queryType": "metrics", "language": "promql",
		"legendFormat": "{{http_route}}{{rpc_method}} {{http_response_status_code}}{{rpc_response_status_code}}",
		"expr": "sum by (http_route, rpc_method, http_response_status_code, rpc_response_status_code) (rate(" +
			`{__name__=~"http_server_request_duration_seconds_count|rpc_server_call_duration_seconds_count", service_name="` + ofService + `"}[$__rate_interval]))`})
}

// serviceSpans opens the newest traces in which a service failed.
func (s Source) serviceSpans() data.DataLink {
	return s.link("Failed traces of the service", map[string]any{"queryType": "traces", "tracesMode": "search",
		"search": map[string]any{"service": ofValue, "status": "error"}})
}

// serviceErrors opens the errors a service logged, firing the history of an
// alert as a series: together the evidence of an alert.
func (s Source) serviceErrors() data.DataLink {
	return s.link("Errors logged by the service", map[string]any{"queryType": "logs", "service": ofValue, "severity": "ERROR"})
}

func (s Source) firing() data.DataLink {
	return s.link("When it fired", map[string]any{"queryType": "metrics", "language": "promql", "expr": `ALERTS{alertname="` + ofValue + `"}`})
}

func linked(f *data.Field, links ...data.DataLink) *data.Field {
	if f.Config == nil {
		f.Config = &data.FieldConfig{}
	}
	f.Config.Links = links
	return f
}
