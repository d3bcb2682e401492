// Package logstore keeps log records: the columns of the table logs, how they
// are filled and how they are read.
//
// It belongs here: everything that knows the table logs. Resources and scopes,
// which a record only names by id, belong to resourcestore; LogQL belongs to
// the query side.
package logstore
