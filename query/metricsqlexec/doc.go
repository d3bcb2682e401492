// Package metricsqlexec evaluates MetricsQL.
//
// It belongs here: what an engine offers, the grid of an instant query, and the order
// and uniqueness of what it answers. How an expression becomes a plan is not here
// (metricsqlplan), nor how plans are evaluated and stored metrics become series
// (grideval, metricexec), nor any wire format (promapi).
//
//	text ──metricsqlparse──▶ syntax tree ──metricsqlplan──▶ metricplan ──metricexec──▶ columns ──▶ answer
//
// What differs from PromQL: rate and increase extrapolate nothing and see the
// sample before the window; a window may be left out and is then the step, or
// wide enough to hold samples; a value that is NaN is absent; any expression can
// be rolled up.
//
// What differs from VictoriaMetrics: start and end of a range stay as asked (as
// with its nocache=1), the order of results is that of their labels where it is
// arbitrary there, and a metric is found under its dotted name, too.
package metricsqlexec
