// Package spanset evaluates TraceQL's pipelines of spansets on one trace.
//
//	[]tracestore.Span ─NewTrace─▶ Trace ─Evaluator.Eval─▶ []Set
//
// It belongs here: the tree of a trace's spans, what a span has in a field, and the
// spans that a query's filters, structural operators, groups and aggregates select. The
// language, its types and what operators make of two values do not (traceql), nor which
// traces are looked at and metrics over many of them (traceexec).
package spanset
