// Package otlpdata reads telemetry that is there as OTLP's objects (pdata) into
// the intakes: JSON requests, and whatever is made in the process, such as what
// rules record. Package otlpwire reads the same from protobuf without objects.
//
//	built, err := otlpdata.Logs(pipeline, tenant, logs)
//	result, err := built.Store(ctx)
//
// What belongs here: the walk over objects. What does not: whether a record is
// good (package ingest) and requests and answers (package otlp).
package otlpdata
