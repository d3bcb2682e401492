// Package layout measures what a table costs: the engine's CPU at insert and at
// a merge, and bytes, of the schema as it is and of alternatives to it. What it
// told is in docs/adr/0003-columns-and-indexes.md.
//
//	go test ./bench/layout -run '^$' -bench Logs/ -benchtime 1x -rows 10000000
//
// It is the one place of bench/ that looks inside: the records go through the
// real decoders, and their blocks to the real engine.
package layout
