// Package attribute is an OpenTelemetry attribute with its type, in a form
// that costs no allocation to hand on.
//
// It belongs here: the typed value, its text and JSON forms, its order and
// its fingerprint. How attributes lie in a ClickHouse column belongs to
// package block; how they are named as labels belongs to the query side.
package attribute
