// Package joinstore reads spans, log records and exemplars joined by the traces
// they belong to.
//
//	step 1 ──trace IDs──▶ step 2 ──trace IDs──▶ … ──▶ the rows of the last step
//	                                             └──▶ or its spans in groups, with what was counted of the others
//
// It belongs here: the one statement that a chain of conditions becomes. What a
// condition of one signal looks like does not (tracestore, logstore,
// metricstore), nor the language it is written in (joinql).
package joinstore
