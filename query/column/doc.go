// Package column holds what a metric query is evaluated on: a grid of steps and,
// for every series, one column with a cell per step.
//
//	grid      start, start+step, …            n steps
//	column    [ 1.5 | absent | NaN | 3 ]      one float64 a step
//
// Absence is a bit pattern: Prometheus's own stale marker, which no expression
// can produce and no evaluated vector of PromQL contains. It is a NaN, so both
// languages read the same columns: PromQL asks IsAbsent, which a computed NaN is
// not; MetricsQL, where NaN means absent, asks v != v. Arithmetic on it makes an
// ordinary NaN, so PromQL must look before it computes.
//
// Native histograms lie beside the floats in a parallel column; a cell is a
// float, a histogram, or absent.
//
// It belongs here: the shapes, and what depends on nothing but them. Kernels
// are in rollup, the plan in metricplan, the evaluator in grideval.
package column
