// Package protofield reads protobuf messages field by field, without building
// objects for them.
//
// What belongs here: the wire format and where in a request it is broken. What
// does not: any message; the doors know theirs. OTLP has a reader of its own
// (otlpwire), made for its nesting.
package protofield
