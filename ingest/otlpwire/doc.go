// Package otlpwire reads OTLP requests in protobuf straight into the intakes
// of package ingest, without building objects for them in between.
//
// What belongs here: the protobuf wire format, the OTLP messages, and where a
// malformed request is broken. What does not: what makes a record valid and
// what becomes of it (ingest), JSON, and how requests arrive (package otlp).
//
// # One pass, in the order intakes want
//
// Protobuf fields may come in any order and repeat; an intake wants a resource
// before its scopes and a scope before its records. So a message that has
// others below it is gone through twice: once for its own fields, stepping over
// the records by their length, and once for the records. A record is read once,
// into structures that are used again for the next:
//
//	request ─▶ resource, schema_url ─▶ EnterResource
//	             scope, schema_url, number of records ─▶ EnterScope
//	               [name, unit, …, the points' message ─▶ EnterMetric]
//	                 record: every field, attributes ─▶ Add
//
// A reader only finds out that a request is malformed. To say where, the
// request is walked once more by check, which knows the names of fields and
// the path to them; fuzzing holds the two to the same verdict.
package otlpwire
