// Package promapi speaks Prometheus's HTTP API.
//
// It belongs here: routes, parameters, the JSON of results and of errors, as
// Prometheus documents them at prometheus.io/docs/prometheus/latest/querying/api.
// Evaluation does not (metricexec), nor which failure is which (fault).
package promapi
