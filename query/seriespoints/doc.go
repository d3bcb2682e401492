// Package seriespoints makes the points of the series a query sees of what is
// stored of them.
//
// It belongs here: the classic and the native series of histogram points, delta
// series and what functions see of them, and how stored series with equal labels
// become one. Which series those are is package seriesview's; reading the points,
// and how many of them may be read, is for the caller.
//
// # Delta series
//
// A delta sample says what happened since the one before. The functions rate
// and increase see a running total with a point at both edges of every window,
// so that the increase is the sum of the deltas that ended in the window, with
// nothing extrapolated but a millisecond; irate, delta, idelta, deriv and resets
// see the plain running total; everything else (sum_over_time, a selector) sees
// the values as sent.
package seriespoints
