// Package samplestore reads the points of series: the tables samples, sample_packs
// and histograms.
//
// It belongs here: how the samples of a series and hour lie in a row, how hours
// that are over are packed and read as packs, what is kept of them in memory and
// how long that is true. Which series there are belongs to package metricstore,
// the layout of a histogram's columns to histcol, of a pack to samplepack, and
// what is kept of samples for long ranges to rollupstore.
//
//	Columns ──▶ samples ──Pack──▶ sample_packs
//	               └──Stream────────────┴──▶ times and values
package samplestore
