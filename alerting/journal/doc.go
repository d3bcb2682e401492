// Package journal writes what becomes of alerts to the store, and keeps what it
// could not write while the store is away: of state the newest, of history
// everything up to a bound.
//
// It belongs here: batching, repeating under the same deduplication token,
// waiting. What is written does not (package alerting), nor how (alertstore).
package journal
