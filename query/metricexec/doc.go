// Package metricexec evaluates PromQL over the metrics in storage, and plans of other
// languages.
//
// It belongs here: one evaluation, its limits, and the answers that are kept. The
// same queryable serves both evaluators:
//
//	text ──promplan──▶ metricplan ──grideval──▶ columns     what is planned, from (*queryable).Select
//	                       └──────▶ Prometheus's engine      the rest, from (*querier).Select
//	another ─────────▶ metricplan ──grideval──▶ columns     from (*classic).Select
//
// What does not belong here: which series there are and how they appear
// (seriesfind, seriesview, seriespoints), wire formats (promapi, nativeapi), SQL and table
// names (storage), the choice of HTTP status (fault), how a plan is evaluated
// (promplan, grideval).
package metricexec
