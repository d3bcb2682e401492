// Package timetext reads times and durations as queries and the parameters of
// requests write them.
//
// It belongs here: the spellings, and the bounds that keep what is read within
// what arithmetic and storage can hold. Which parameter or word it was, and what
// is said to who wrote it, do not (the APIs with fault.Optional, the languages'
// parsers).
package timetext
