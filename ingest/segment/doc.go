// Package segment is one file of the write-ahead log: its format, drawn in
// format.go, how it is written and read, and how it is mended.
//
//	Create ─▶ Writer: Write, Sync ─▶ … ─▶ Seal
//	                                       │
//	    Read, Tail ─▶ Contents ◀───────────┘     what is in it, by a scan of every byte or from its end
//	                     ├─▶ NewReader           a table's rows, as the body of an insert
//	                     ├─▶ Repair              holes voided, a torn tail cut off, the seal written
//	                     └─▶ Mark                a table is stored
//
// What belongs here: bytes of a file, its name, and the file system it is on
// (FS), which tests replace by one that fails on purpose.
//
// What does not: which segment is written or sent when, and what an ack means
// (wal).
//
// # What is assumed of the disk, and what follows
//
//  1. After Sync returned nil the bytes written before are on disk. Without it,
//     any part of them may be there after a crash, in any order.
//  2. After Sync failed nothing is known of bytes written since the last one,
//     and asking again does not help. So they are cut off, the segment is ended,
//     and their senders are told that it failed.
//  3. A name is on disk when its directory was synced. So that is done once a
//     segment, before its first append is acked.
//  4. Bytes can change while they lie there. So every frame carries checksums,
//     its place and its segment, and a reader finds the next good frame.
package segment
