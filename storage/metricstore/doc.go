// Package metricstore keeps metrics: the tables series, samples, histograms
// and exemplars, how they are filled and how they are read.
//
// It belongs here: what identifies a series, its Prometheus name, and every
// column of these tables. PromQL, the expansion of histograms into buckets and
// resource attributes as labels belong to the query side.
package metricstore
