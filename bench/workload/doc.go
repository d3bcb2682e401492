// Package workload makes the reference data of the measurements: OTLP requests
// encoded beforehand, so that the cost of making them is not what is measured.
//
// The data is what a middling service sends: ten resource attributes, five to
// eight attributes on every record, bodies with words and numbers in them, one
// metric point in five a histogram. The same Config gives the same bytes.
// Sending and measuring do not belong here.
package workload
