// Package nativeapi speaks Trefoil's own HTTP API under /api/v1.
//
// It belongs here: routes, parameters, the JSON and Arrow shapes of answers and
// errors, and openapi.yaml, which describes them. Reading storage, joining
// signals and evaluating queries do not (storage, correlate, metricexec).
package nativeapi
