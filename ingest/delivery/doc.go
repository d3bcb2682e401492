// Package delivery moves the sealed segments of the write-ahead log into
// ClickHouse, each row exactly once.
//
//	wal.Log ─▶ Shipper: a lane a segment ─▶ Insert (a table of a segment, with its token)
//	               │ storage away   one breaker for all: one lane tries, the others wait
//	               │ a table stuck  a breaker a table (bulkheads): the segment rests
//	               └ rows rejected  halves, down to what one append wrote, which is set aside
//
// What belongs here: which table of a segment goes when, when to try again, and
// what counts as rejected.
//
// What does not: segments on disk (wal, segment) and how an insert is sent
// (storage/conn).
package delivery
