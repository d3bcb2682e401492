// Package joinql parses queries over three signals: a chain of spans, log records
// and exemplars that belong to one trace each.
//
//	{ span.http.response.status_code >= 500 } | logs |= "timeout" | by(resource.service.name)
//	logs {service_name="payment"} |= "declined" | spans { kind = server }
//	exemplars http_server_request_duration_seconds | { status = error }
//
//	query = step { "|" step } [ "|" "by" "(" field { "," field } ")" ]
//	step  = ["spans"] TRACEQL | "logs" [SELECTOR] [STAGES] | "exemplars" [METRIC SELECTOR]
//
// Spans are written in TraceQL, records in LogQL, exemplars as PromQL selects
// series. It belongs here: cutting a query into its steps, and mistakes with
// their places in the whole. What a query finds does not (joinexec).
package joinql
