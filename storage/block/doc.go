// Package block builds ClickHouse Native blocks in memory: the bodies of our
// inserts.
//
// It belongs here: column builders that ch-go lacks or that must not allocate
// per row, and the encoding of a set of columns into one compressed block. It
// knows no table and no signal: those are in the stores.
package block
