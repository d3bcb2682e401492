// Package sweeptest asks an HTTP server odd things: on each route, parameters,
// bodies and methods of every kind that some handler does not want, each twice.
// Whatever is asked has to be answered, with what was found or with what is wrong
// with it.
//
// It belongs here: the odd values, how they are put together, and what no answer
// may be. Which routes a program has does not.
package sweeptest
