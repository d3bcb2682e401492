// Package nativeapi speaks Trefoil's own HTTP API under /api/v1.
//
// It belongs here: the routes, what each takes and asks, and openapi.yaml, which
// describes them. Reading parameters (nativeparam), the forms of answers
// (nativejson, nativearrow), reading storage, joining signals and evaluating
// queries do not (storage, correlate, metricexec).
package nativeapi
