// Package grideval evaluates a metric plan on a step grid: every node becomes a
// list of series with one column each.
//
//	source ──▶ raw samples ──kernel──▶ columns ──functions, operators, aggregations──▶ columns
//	          a series at a time,       held, counted against the limit
//	          side by side
//
// An aggregation of series that the source has in memory holds no columns but those at
// work: each is added to its group when its turn comes (folding).
//
// It belongs here: grids of subqueries, the calls of kernels, which series are
// aggregated and which are chosen, and how much an evaluation may hold. What a
// function does is the plan's (metricplan), what an operator makes of two vectors
// is in vectorop, what columns add up to in tally, and where samples come from is
// the Source's.
//
// # Exactness
//
// Where Prometheus's result depends on an order (compensated sums, ties of
// topk), the order here is the same: that of the series, step by step.
// Evaluations side by side only ever share out series or steps, never the terms
// of a sum.
package grideval
