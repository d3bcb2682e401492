// Package rangecache keeps answers of range queries, so that a dashboard that asks
// again pays for what is new.
//
//	asked again    ├──────────────────────────────┤ steps
//	entry       ├─────────────────┤
//	held          =   =   =   ≠                     samples stored, hour by hour
//	from it        ├──────────┤                     up to the first hour that got more
//	evaluated                  ├──────────────────┤
//
// It belongs here: what is kept, within which bounds, and which of its steps are
// still true. What does not: whether an expression's steps depend on each other,
// and counting what is stored, which are the evaluator's.
//
// Samples may come late, to any hour. So an entry knows how many samples its
// tenant had stored in every hour that it looks at, counted before it was
// evaluated; a step is true as long as none of the hours up to it has another
// number of them.
package rangecache
