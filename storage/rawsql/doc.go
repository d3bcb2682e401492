// Package rawsql runs SELECTs that people have written, as a user of ClickHouse
// who may only read. What such a statement sees is what that user may see: of
// all tenants, unless the server's row policies say otherwise.
//
// It must not be given the embedded engine's users by a server: there the SQL
// function file() needs no grant. Whom it talks to is the caller's choice.
//
// It belongs here: whether a text can be such a statement, the check that its
// user may only read, its bounds, and its result as labels and a value. Who may
// write one, and what for, does not.
package rawsql
