// Package tally folds columns of floats into one: sum, mean, extremes, count and deviation of the values at each step.
//
// It belongs here: the arithmetic of PromQL's aggregations, operation by operation as Prometheus has it, and how columns are
// fetched from memory while it is done. Which series are a group is package grideval's, and so are native histograms.
package tally
