// Package query answers questions about stored telemetry.
//
// It belongs here: the Service, which mounts every query API, sets the limits
// they share, and measures, logs and traces each request. Evaluation
// (metricexec), joining (correlate), failure classes (fault) and wire formats
// (promapi, nativeapi) are packages below; SQL is storage's.
package query
