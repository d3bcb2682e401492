// Package metricsqlparse reads expressions of MetricsQL.
//
// It belongs here: bounds on what is read, where a mistake is, and what is done to an
// expression before it is evaluated. The grammar is package metricsql's of
// VictoriaMetrics.
package metricsqlparse
