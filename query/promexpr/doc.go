// Package promexpr reads expressions of PromQL.
//
// It belongs here: the parser, which of PromQL's features are on, and what an
// expression tells before it is evaluated: how it spells labels, what it reads, and
// whether its steps may be evaluated one by one. What it is planned as is package
// promplan's.
package promexpr
