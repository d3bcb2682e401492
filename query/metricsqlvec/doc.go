// Package metricsqlvec has the vectors of MetricsQL: series that are columns on one
// grid, sorted into groups, and combined by operators.
//
// It belongs here: which series match which, and what is kept of their labels. What
// operators and functions do to numbers is package columnfunc's, what functions do to
// series metricsqlfunc's.
package metricsqlvec
