// Package fault says what kind of failure a query ended in.
//
// It belongs here: the classes of failure every query API answers with, and the
// mapping of errors from storage, from PromQL and from contexts to them. The
// shape of an error on the wire does not (promapi, nativeapi).
package fault
