// Package metricsqlplan is the front end of MetricsQL: it makes plans (metricplan) of
// parsed expressions.
//
//	metricsql.Expr ──Build──▶ metricplan ──grideval──▶ columns
//
// It belongs here: which node an expression becomes, with which kernel or function,
// and what of an expression depends on the step alone, which is known by then
// (windows, offsets, durations). What functions do is not here (rollupfunc,
// metricsqlfunc, metricsqlvec), nor the API of an engine (metricsqlexec).
//
// Plans are for lenient vectors (grideval.Config). Aggregations that PromQL has too
// are its nodes; all that looks at labels or at other steps is a Call.
package metricsqlplan
