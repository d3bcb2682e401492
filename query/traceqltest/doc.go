// Package traceqltest reads scripts that say what TraceQL queries answer.
//
//	trace A
//	  1 - front "GET /" server 0ms 100ms error message="no" span.http.status=500
//	  2 1 cart  "query" client 10ms 20ms event=exception@5ms event.type="Timeout"
//
//	eval { status = error } | count() = 1
//	  A 1 count()=1
//
//	fail { name }
//	  1:3: …
//
//	print {name="a"&&.b=1}
//	  { (name = "a") && (.b = 1) }
//
// A span's line has its number, its parent's (or -), service, name, kind, start
// after the beginning of time, and duration. A line under eval is a spanset:
// its trace, its spans' numbers, and its results. Traces pile up until the
// script's end.
//
// It belongs here: the scripts' format and nothing that evaluates them, so that
// one script is run on traces in memory and on stored ones.
package traceqltest
