// Package logql parses LogQL.
//
//	expr, err := logql.Parse(`sum by (app) (rate({env="prod"} |= "error" | logfmt [5m])) > 10`)
//
// The language is what Grafana's public documentation of LogQL describes, with
// two liberties: names may have dots, bare or in quotes, and a selector may be
// empty, which selects every record.
//
// It belongs here: tokens, the grammar, the tree it makes, what can be wrong with
// a query before it is run, and the way back from the tree to text. What a stage
// does to a line (logline) and how a query is answered (logexec) do not.
package logql
