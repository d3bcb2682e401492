// Package notify tells receivers about alerts: Prometheus's Alertmanager in
// this process, and any number of Alertmanagers elsewhere.
//
//	Put ──▶ provider ──▶ dispatcher ──every group interval──▶ pipeline ──▶ receivers
//	 │                      └ routes, groups                    └ inhibitions, times, silences, deduplication, retries
//	 └────▶ remote (one each) ──▶ /api/v2/alerts of another Alertmanager
//
// Routing, grouping, inhibition, silences, time intervals, templates, all
// receivers but one, and the API v2 are Alertmanager's packages as they are.
// What is ours is around them: a log that survives a crash (Alertmanager
// writes snapshots every 15 minutes), silences that are stored before they are
// acknowledged, attempts that are bounded and may outlive a stop, secrets kept
// out of logs, and a webhook integration (package webhook) that sends an Idempotency-Key and
// understands 408, 429 and Retry-After.
//
// # What a crash does
//
// The notification log ([Entry]) is written through [Config.Record] before
// and after a delivery. An intent carries the notification's id, which is made
// of its content and its predecessor, and the very content. The state of the
// alerts is stored before they are put, so the next process puts the same
// alerts, decides the same thing, comes to the same id and says the same:
//
//	killed                           found                after the restart                     the receiver gets it
//	before the intent is recorded    nothing new          decides again: same content, same id  once
//	after the intent, before sending intent, no outcome   the same content with the same id     once
//	while sending, or after sending  intent, no outcome   the same content with the same id     once or twice, under one id
//	  and before the outcome is recorded
//	after the outcome is recorded    outcome              nothing until the repeat interval     once
//
// The third row is the limit of what a sender can do: whether the receiver had
// acted when the connection went is known to the receiver alone. Webhooks get
// the id as the Idempotency-Key header, so one that looks at it acts once. An
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
// What does not belong here: rules and their states (package rule), and the
// store (log and silences come and go through functions).
package notify
