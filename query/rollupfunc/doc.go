// Package rollupfunc has MetricsQL's rollup functions: what rate, max_over_time
// and their like make of the raw samples in a window.
//
// It belongs here: pure functions of samples to floats, how a window is laid
// over samples, the kernels that the evaluator runs, and what is special about a
// function (whether it removes counter resets, widens an implicit window, keeps the
// metric's name). What PromQL computes alike is its kernel (rollup). Nothing here knows
// labels, expressions or storage (metricsqlplan does). The semantics are those
// that docs.victoriametrics.com/victoriametrics/metricsql documents; where it is
// silent, they were found by asking VictoriaMetrics.
package rollupfunc
