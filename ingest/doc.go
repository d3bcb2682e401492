// Package ingest takes telemetry in: it admits a request, turns it into
// column blocks and hands them to a Sink, whose nil answer is the ack.
//
//	door (otlp, …) ──▶ Admit ──▶ decode ──▶ Pipeline.Logs/Metrics/Traces ──▶ Sink ──▶ ack
//	                   bytes                 validate, columns               Batcher
//
// What belongs here: limits and admission, validation of records (one Reason
// per kind of invalid record), the walk over decoded telemetry into the
// stores' batches, and the Batcher, the Sink that inserts into ClickHouse.
//
// What does not: wire formats (they are packages below this one, which import
// it), table layouts (storage), and listeners, TLS and authentication (cmd).
//
// # What an ack means, and where doubles can come from
//
// A nil error from a Sink means that every block is stored. Until the
// write-ahead log takes the Batcher's place behind the same Sink, an insert
// whose outcome is unknown is repeated with the same deduplication token, so
// nothing doubles while the request lives. Two cases are left for the log to
// close: a request that runs out of time with its insert still undecided is
// refused, and if the client sends it again the rows may be stored twice; and
// when some tables of a request took their rows and another did not, the
// resent request repeats the former.
package ingest
