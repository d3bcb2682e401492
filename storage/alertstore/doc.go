// Package alertstore keeps what alerting must not forget: the state of alert
// instances, when groups were evaluated, what receivers were told, silences, the
// history of all of it, and which process is in charge of it.
//
// It belongs here: the tables alert_*, their rows as plain structs,
// inserts that may be repeated, and selects of the present state. When an
// alert fires, who is told and what a restart does with the state belongs to
// package alerting.
//
// State is appended, never updated: the row with the latest updated_at of a
// key is the present one, whether or not a merge has removed the others yet.
// One process at a time writes a tenant's state: the one whose Lease counts.
package alertstore
