// Package promqlbench measures range queries of PromQL against VictoriaMetrics
// with the same samples.
//
// It belongs here: the samples, the queries, both sides of a comparison. Running
// the processes does not (subject).
package promqlbench
