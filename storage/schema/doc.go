// Package schema creates and upgrades the tables.
//
// It belongs here: the migrations, rendering them for one server or a cluster,
// the ledger of what was applied, and the refusal to work on a schema that is
// newer than this binary. Reading and writing the tables belongs to the
// stores.
//
// Migrations are numbered files, only ever added, each a list of statements
// that may be run again: a crash in the middle is resumed from the first
// statement of the unfinished migration. A statement that cannot be repeated has
// a condition before it, "-- unless: SELECT …", and is left out where that has a
// row.
package schema
