// Package metricplan is the typed plan of a metric query: what both front ends
// build and the one evaluator (grideval) runs.
//
// It belongs here: the node types, how a plan is printed, and passes that need
// to know nothing of a language. What a function does is not here: nodes carry
// their functions as values, chosen by the front end (promplan for PromQL,
// metricsqlplan for MetricsQL), so that a language adds functions without touching
// plan or evaluator.
//
// # Nodes
//
//	Number, Text   literals
//	Rollup         samples of stored series, or of a Subquery, to columns
//	Call           columns to columns, everything that is not one of the others
//	Aggregate      many columns to one (or k) a group
//	Binary         an operator between columns or scalars
//	Once           a subtree that is the same at every step
//	Foreign        a subtree that Prometheus's own engine evaluates
//
// A plain selector is a Rollup too: its kernel takes the latest sample and its
// range is the lookback.
//
// # Contract for a front end
//
// A scalar is a node whose result is exactly one series without labels and with
// every cell present (column.Constant makes one). A node's result is a list of
// series, with different labels unless vectors are lenient (grideval.Config), in an order that is part of the result of an
// instant query; columns are as long as the grid. What a Function or a Kernel
// gets as columns or samples it may overwrite, and a Function return. Times are Unix milliseconds, and
// ranges, offsets and steps milliseconds.
package metricplan
