// Package walcmd is the commands that look at a write-ahead log, and mend it: wal
// ls, dump, verify and requeue.
//
// It belongs here: one function a command with its flags, and how segments are
// written for people. Reading them does not (ingest/wal).
package walcmd
