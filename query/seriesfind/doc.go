// Package seriesfind finds the series of a query, and the names and values of their
// labels, and remembers what it found.
//
// It belongs here: which statements that takes, what is kept of their answers and
// how long it is true. How a series appears to the query is package seriesview's;
// points are not read here, except the bounds of histograms, which are labels.
//
//	selector ──▶ Index ──▶ rows ──labels of each, known or read──▶ series
//
// The labels of a series are kept for good, since what a fingerprint stands for
// never changes. What a selector found, and lists of names, are kept as long as the
// store has got no series since, as far as its version tells.
package seriesfind
