// Package logexec answers LogQL.
//
//	query ─ logql.Parse ─▶ tree ─┬─ selector, filters ──▶ logstore conditions ─▶ the server
//	                             ├─ sum by (…) (count…) ▶ logstore.Count ──────▶ the server adds up
//	                             ├─ other stages ───────▶ logpipe over streamed records
//	                             └─ vectors ────────────▶ columns of samples, step by step
//
// It belongs here: what of a query the server does and what is done here, range
// aggregations, operators on vectors, limits, and the lists of labels, fields and
// volumes that go with a log API. The language (logql), what a stage does to a
// record (logpipe), SQL (logstore) and the shape of answers (lokiapi) do not.
package logexec
