// Package rollupstore keeps rollups of samples: it makes them of days that are over, and reads them for queries over long
// ranges, each only as long as it is made of all samples there are.
//
// What belongs here: the table sample_rollups, which days of which series it serves, and the thinning of the others as
// they are read. What does not: what a rollup keeps (package samplerollup), samples themselves (package samplestore).
//
//	series, day ── in memory, true of the day's version ──────────────┐
//	            ── in sample_rollups, of all samples of the day ──────┼──▶ entries of the series
//	            ── neither: samples are read and thinned ─────────────┘
//	series with a day that an aspect is unfit for ──────────────────────▶ all its samples
package rollupstore
