// Package frames turns Trefoil's answers into the data frames Grafana's
// visualisations expect: time series and numeric frames of the data plane
// contract, log lines, and the rows of the trace view.
//
// Everything here is pure: values in, frames out. Calling Trefoil, reading
// settings and reporting errors do not belong here.
package frames
