// Package traceql reads TraceQL.
//
//	text ─lexer─▶ tokens ─parser─▶ Query ─check─▶ Query
//
// It belongs here: the language (syntax, types, and what operators make of values) and
// errors with their place in the text. Evaluating a query on the spans of a trace does
// not (spanset), nor finding traces, metrics over many and SQL (traceexec, storage), nor
// wire formats (tempoapi).
//
// The language is that of Grafana's public documentation. Where that leaves a
// choice: && and || have one precedence and go from left to right; a comparison
// with an attribute that is absent, or of another type, is false, also with !=;
// regular expressions match whole values; an array matches if one of its
// elements does and, for != and !~, if all of them do.
package traceql
