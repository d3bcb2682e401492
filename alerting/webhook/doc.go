// Package webhook posts notifications to webhooks, as an integration of Alertmanager's.
//
// It belongs here: one attempt, what its failure says of a retry, and the secrets that
// errors and logs must not hold, of other receivers as well. When an attempt is made, how
// often, and what is written down of it does not (notify).
package webhook
