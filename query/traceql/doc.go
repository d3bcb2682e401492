// Package traceql reads TraceQL and evaluates it on one trace.
//
//	text ─lexer─▶ tokens ─parser─▶ Query ─check─▶ Query ─Eval(Trace)─▶ spansets
//
// It belongs here: the language (syntax, types, meaning), errors with their
// place in the text, and the evaluation of a query's spanset part on the spans
// of one trace in memory. Finding traces, metrics over many traces and SQL do
// not (traceexec, storage), nor wire formats (tempoapi).
//
// The language is that of Grafana's public documentation. Where that leaves a
// choice: && and || have one precedence and go from left to right; a comparison
// with an attribute that is absent, or of another type, is false, also with !=;
// regular expressions match whole values; an array matches if one of its
// elements does and, for != and !~, if all of them do.
package traceql
