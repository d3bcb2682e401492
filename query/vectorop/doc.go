// Package vectorop has PromQL's operators on columns: arithmetic, comparisons and sets, between scalars and vectors.
//
// It belongs here: which series of two vectors go together, what becomes of their labels, and what an operator makes of two
// cells, native histograms included. Where a match group can have one series a side, whole columns are joined; otherwise it
// goes step by step, as Prometheus does. Operators of MetricsQL, whose matching has little in common, are in
// package metricsqlvec.
package vectorop
