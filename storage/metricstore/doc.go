// Package metricstore keeps metrics: the tables series and exemplars, how they are
// filled and read, and batches of all that one request brings.
//
// It belongs here: what identifies a series, its Prometheus name, and every
// column of these tables. The points of series are package samplestore's, which
// a Store reads with. PromQL, the expansion of histograms into buckets and
// resource attributes as labels belong to the query side.
package metricstore
