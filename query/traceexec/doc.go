// Package traceexec answers TraceQL queries from storage.
//
//	Query ─plan─▶ condition ─tracestore─▶ candidate traces ─▶ spans ─traceql─▶ spansets
//	         └──▶ condition and groups ─tracestore─▶ series (a metrics query that SQL can do whole)
//
// A condition that the plan pushes down never leaves out what the query wants;
// where it lets more through, the query is evaluated again on the spans that
// were read. It belongs here: that plan, searches newest first, metrics over
// spans, names and values for completion, and the bounds of all of them. The
// language does not (traceql), nor SQL (tracestore), nor wire formats (tempoapi).
package traceexec
