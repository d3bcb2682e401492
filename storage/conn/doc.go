// Package conn is how Trefoil talks to a ClickHouse server, embedded or not.
//
// It belongs here: addresses, the connection pool, running statements with
// limits, inserting Native blocks over HTTP, and sorting failures into classes
// that callers can act on. Which statements to run belongs to the stores and
// to schema; starting the embedded server belongs to engine.
package conn
