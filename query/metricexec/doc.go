// Package metricexec evaluates PromQL over the metrics in storage.
//
// It belongs here how stored OpenTelemetry metrics appear to PromQL: names and
// labels, the classic and native series of a histogram row, delta series, and
// the limits of one evaluation. The same queryable serves both evaluators:
//
//	text ──promplan──▶ metricplan ──grideval──▶ columns     what is planned, from (*queryable).Select
//	                       └──────▶ Prometheus's engine      the rest, from (*querier).Select
//
// What does not belong here: wire formats (promapi, nativeapi), SQL and table
// names (storage), the choice of HTTP status (fault), how a plan is evaluated
// (promplan, grideval).
//
// # How stored metrics appear
//
//	stored                        series
//	gauge, sum, summary           <prom_name>
//	explicit histogram of OTLP    <prom_name>_bucket{le}, _sum, _count
//	  of Prometheus               <prom_name>, native histogram samples with custom buckets
//	exponential histogram         <prom_name>, native histogram samples
//
// A metric is found under the name it was sent with (http.server.duration) and
// under its Prometheus spelling (http_server_duration_seconds); a label
// likewise. Results carry the Prometheus spelling, or of a label the query's
// (package spelling). What Prometheus sent is found and shown as it was sent.
//
// The labels of a series are the attributes of its points, then job
// (service.namespace/service.name), instance (service.instance.id) and the
// promoted attributes of its resource, unless a point has them itself. Other
// attributes of the resource are not visible. Stored series that come out with
// the same labels are one series.
//
// # Delta series
//
// A delta sample says what happened since the one before. The functions rate
// and increase see a running total with a point at both edges of every window,
// so that the increase is the sum of the deltas that ended in the window, with
// nothing extrapolated but a millisecond; irate, delta, idelta, deriv and resets
// see the plain running total; everything else (sum_over_time, a selector) sees
// the values as sent.
package metricexec
