// Package spanseries makes of stored spans the series that Tempo's generator of metrics
// would have written: calls between services (traces_service_graph_…), of which
// Grafana's Tempo source draws its service graph, and spans by name
// (traces_spanmetrics_…), of which it lists operations. It knows names, labels and
// bounds; what counts spans is storage/tracestore, and what evaluates expressions
// query/metricexec.
package spanseries
