// Package nativehist makes Prometheus's native histograms of stored points.
//
// What belongs here: the conversion of one point, with exponential or with
// explicit buckets, and what a sequence of them says of counter resets. What does
// not: which stored series are seen as native histograms, and delta series
// (metricexec).
package nativehist
