// Package ingest takes telemetry in: it admits a request, turns it into
// column blocks and hands them to a Sink, whose nil answer is the ack.
//
//	door (otlp, …) ──▶ Admit ──▶ decode ──▶ Log/Span/PointIntake ──▶ Built.Store ─▶ Sink ──▶ ack
//	                   bytes              validate, columns                 wal.Log
//	                                                                            │ sealed segments
//	                                                    ClickHouse ◀─ delivery ◀─┘
//
// Who may send how much is quota's; Pipeline.Ready asks it before a request is
// read, and the intakes while records come.
//
// What belongs here: limits and admission, validation of records (one Reason
// per kind of invalid record), and their way into the stores' batches.
//
// What does not: wire formats, the log and what empties it (packages below this
// one), table layouts (storage), and listeners, TLS and authentication (cmd).
//
// # What an ack means, and where doubles can come from
//
// A nil error from the Sink means that every block is fsynced in the log. Each
// segment goes to ClickHouse under tokens made of its identity, so that an
// insert whose outcome is unknown can be repeated, after a crash too, and adds
// nothing. A request that a client sends again because it never saw our answer
// is recognised by its content and answered as the first time, see RequestKey.
// What remains is a client that repeats records in another request, batched
// anew: these are there twice.
package ingest
