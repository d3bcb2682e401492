// Package samplerollup keeps of the samples of one series and day what functions over long windows need: per bucket
// of 5 minutes or an hour a sample or two, from which such a function comes to what it comes to of all samples, to
// the last bit.
//
// What belongs here: what is kept for whom (the aspects), and its bytes. What does not: where rollups are stored and
// whether they are still all there is of a day (package rollupstore), and how functions use them (package query/rollup).
//
// Buckets are open on the left and closed on the right, as windows are, and lie on multiples of their length:
//
//	samples    ·  ·   ·  · | ·   ·  ·  ·| ·  ·
//	buckets    (---- k ---] (-- k+1 ---] (----
//
// A rollup is of the samples stored under one day, which is closed on the left. The sample at midnight sharp is in the
// last bucket of the day before, and stays an entry of its own:
//
//	        midnight
//	·  ·  · | ·  ·
//	  (----]        two entries of one bucket: the day before has what is before midnight, this day what is at it
//
//	body  = byte flags · entries, none if there are none or the aspect is unfit
//	entries = pack of times and values                                       (package samplepack)
//	        | uvarint bytes · pack of times and values · pack of counts and rests    (Sum, Gain)
package samplerollup
