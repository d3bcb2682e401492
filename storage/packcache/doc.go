// Package packcache keeps packs of samples in memory that have been read before, so that a query of what was asked for a
// moment ago reads nothing.
//
// What belongs here: what is known of a series' day, and how long it is remembered. What does not: whether it is still
// true, which package samplestore finds out by the version of the day, and what packs are made of (package samplepack).
//
//	tenant, day ── series ── Day{version, hours looked at, packs of these}
package packcache
