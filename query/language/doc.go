// Package language says which languages a metric query or a rule may be
// written in, and reads an expression of each without evaluating it: whether
// it is right and, if not, where it is wrong; how the language prints it; what
// kind of value it has; what a condition compares; which metrics it may read.
// It needs no server.
//
// It belongs here: one file for each language, which asks that language's own
// parser. The parsers and the evaluation do not (packages logql, traceql,
// metricsqlexec, metricexec).
package language
