// Package metricsqlexec evaluates MetricsQL.
//
// It belongs here: parsing to VictoriaMetrics' own syntax tree, mistakes with
// their position, and the evaluation of a tree on a grid of points: which
// samples a rollup needs, grouping, matching of labels, functions of labels. The
// arithmetic is not here (rollupfunc, columnfunc), nor how stored metrics become
// series (metricexec), nor any wire format (promapi).
//
// Every expression evaluates to series that have a value, or NaN for none, at
// each point of the same grid:
//
//	syntax tree ── metricexec.Reader ──▶ raw samples ── rollupfunc ──▶ columns ── columnfunc ──▶ columns
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
