// Package resourcestore keeps what produced the telemetry: resources and
// instrumentation scopes, each stored once a day under a fingerprint that the
// records carry.
//
// It belongs here: the fingerprint, the columns of the tables resources and
// scopes, and reading them back. What a record itself says belongs to its own
// store.
package resourcestore
