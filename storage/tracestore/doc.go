// Package tracestore keeps spans: the columns of the tables spans and
// trace_index, how they are filled and how they are read.
//
// It belongs here: everything that knows these two tables. Resources and
// scopes belong to resourcestore, TraceQL and the tree of a trace to the query
// side.
package tracestore
