// Package backend is the ClickHouse of a command: the one inside, run as a child
// process, or a server of one's own; with the tables of this version in it.
//
// It belongs here: the flags that say which, opening and closing it, whether it
// is well. What is kept in it does not (storage), nor who uses it (server,
// rulescmd).
package backend
