// Package rulesapi answers Prometheus's API of rules and alerts from snapshots of
// them.
//
// It belongs here: what requests may say, which rules they mean, and the shapes of
// the answers. What rules have come to does not (alerting).
package rulesapi
