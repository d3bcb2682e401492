// Package histcol is histogram points as columns, so laid out that they are
// small: what resembles a number is the same number of the point before, not the
// bucket beside it.
//
// It belongs here: what a point is, the columns of one, how counts and sums lie in
// them, and the way back. Which points are wanted, and the table, are package
// samplestore's.
//
//	buckets   the counts of the first 16 buckets, each a column of its own
//	counts    those of further buckets
//	count     less the sum of all buckets, modulo 2^64: usually 0
//	sum       sum_digits / 10^sum_places, and sum_ulps steps of a float64 from
//	          there; or, where sum_digits is 0, the column sum
//
// A bit of flags says that counts are laid out like this. They are as they were
// sent in rows from before these columns, where counts are float64 bits, and with
// exponential buckets, whose place moves.
package histcol
