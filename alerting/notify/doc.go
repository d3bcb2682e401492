// Package notify tells receivers about alerts: grouped, deduplicated, retried,
// and remembered across restarts.
//
//	Put ──▶ lane (receiver × group) ──every GroupInterval──▶ decide ──▶ record intent ──▶ send ──▶ record outcome
//	              its own goroutine, timer and log entry
//
// Every pair of receiver and group has a lane of its own, so a receiver that
// hangs delays nobody else. A lane holds the present state of its alerts, not
// a queue of events: what could not be delivered is delivered, up to date,
// later, and nothing has to be dropped. The number of alerts is bounded; Put
// refuses the rest with an error.
//
// # What a crash does
//
// The notification log ([Entry]) is written through [Config.Record] before
// and after a delivery. An intent carries the notification's id, which is made
// of its content and its predecessor, and the very bytes to send. Killed at
// any point, the next process does this:
//
//	killed                           found                after the restart                              the receiver gets it
//	before the intent is recorded    nothing new          decides again: same content, same id           once
//	after the intent, before sending intent, no outcome   sends the same bytes with the same id          once
//	while sending, or after sending  intent, no outcome   sends the same bytes with the same id          once or twice, under one id
//	  and before the outcome is recorded
//	after the outcome is recorded    outcome              nothing to send until the repeat interval      once
//
// The third row is the limit of what a sender can do: whether the receiver had
// acted when the connection went is known to the receiver alone. The id is
// sent as the Idempotency-Key header, so one that looks at it acts once. An
// attempt that times out and is retried in a living process is the same case.
//
// An alert that ends while the outcome of its page is unknown is told to be
// over: a receiver may hear the end of something it never heard of, but is
// never left with something that has ended.
//
// When the log cannot be written the page goes out all the same: then a crash
// before the log is reachable again can repeat it, which is better than an
// alert nobody hears of.
//
// A firing alert a receiver was told of is always either put again or resolved:
// alerts in the log that nobody puts within RestoreGrace of a restart are ended
// and their resolution is delivered.
//
// What does not belong here: rules and their states (package rule), the store
// (the log comes and goes through functions), and routing, silences and
// inhibition.
package notify
