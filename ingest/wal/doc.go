// Package wal is the write-ahead log of ingest: what an Append answered nil to
// is on disk, survives a crash of the process or the machine, and is handed to
// the consumer until the consumer says that it is stored.
//
//	Append ─┐                                       ┌─▶ Next ─▶ Piece.Reader ─▶ insert with Piece.Token
//	Append ─┼─▶ queue ─▶ committer ─▶ one write, ───┤              Done(table), Remove
//	Append ─┘                         one fsync     └─▶ rejected: Halves, Quarantine
//
// The log is a directory:
//
//	0000000000000041.wal             sealed: waits to be stored
//	0000000000000042.wal             active: is being written
//	lock                             held by the process that has it open
//	quarantine/…-1f3a9c00.wal        set aside because storage rejects it,
//	quarantine/…-1f3a9c00.reason     and why
//	quarantine/…-1f3a9c00@4711.corrupt   bytes that were damaged
//	requeue/                         what is moved here is taken in again
//
// What belongs here: group commit, the budget, recovery, the order of handing
// out, quarantine.
//
// What does not: a segment's bytes (segment), looking at a log from outside
// (walinspect), signals, columns and SQL. A payload is bytes of a named table
// and a number of rows. Which tables go first, when to try again and what
// counts as rejected is the consumer's business.
//
// # One file for all tables
//
// An append has blocks of several tables. One file takes them in one write and
// one fsync and makes them one frame that is there or not; a file per table
// would need an fsync each and a commit record on top. In return the rows of
// one table lie scattered over the file, so reading them follows an index that
// is made when the segment is opened, by the same scan that checks every byte.
// The index is not kept for segments that wait: memory does not grow with the
// backlog.
//
// # What a full disk stops
//
// Nothing but appends needs room on a full disk: segments are sent, marked,
// removed and set aside without allocating more than a few bytes, and where
// these are not to be had (a seal, a mark) the same is found out by a scan or
// made good by the token. So there is no reserve.
//
// # Exactly once
//
// A segment's identity is random and stays with it, so a token never comes
// again for other rows, whatever happens to the directory. A request whose
// answer was lost is sent again by its client; its Key tells. Keys are on disk
// with the appends, and each new segment begins with those of the last seconds.
package wal
