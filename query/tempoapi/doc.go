// Package tempoapi serves Tempo's HTTP API, as Grafana's Tempo source asks it:
// traces by ID, search, tags and their values, TraceQL metrics.
//
// It belongs here: parameters, protobuf and JSON shapes, errors as plain text.
// Evaluation does not (traceexec, correlate).
package tempoapi
