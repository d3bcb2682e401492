// Package readahead reads at once what many evaluations will read.
//
// It belongs here: which reads are put together, and how an evaluation finds its own
// among them. What an expression reads is package promexpr's, which series those are
// seriesfind's.
//
//	expressions ──Want──▶ Ahead ──Load──▶ series and points
//	evaluation  ◀──Found, Points──┘       what is not among them is read as ever
package readahead
