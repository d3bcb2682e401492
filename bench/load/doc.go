// Package load sends requests of package workload over many connections, at full
// speed or at a rate, and keeps how long each took to be acknowledged.
//
// It belongs here: sending, and what counts as accepted. Making the requests does
// not (workload).
package load
