// Package lokipush is the door for Loki's push API, protobuf and JSON, which
// Promtail, Alloy, Fluent Bit and many others speak.
//
// What belongs here: the two forms of a push request, what labels and
// structured metadata become, and what a client is told. What does not: what
// makes a record valid and where it is stored (ingest), the protobuf wire format
// (protofield), bodies (httpdoor), tenants and listeners (cmd).
//
// # What a stream becomes
//
//	{service_name="shop", level="warn", pod="p1"}   a resource: service.name=shop, level, pod
//	  1700000000000000000 "card declined"           a record: time and body
//	    trace_id=…, span_id=…                         its trace and span
//	    detected_level=error                          its severity, and an attribute
//	    order=7                                       an attribute
//
// A stream without service_name is of the service that the first of its labels
// app, application, … names (see serviceLabels), as clients expect of Loki.
// The severity is that of the structured metadata, else of the stream's labels.
// Labels and metadata stay attributes under their own names, but for
// service_name and the ids, which have columns.
//
// # What a client is told
//
// 204 when everything is durable; 400 with the reason as text when some of it is
// invalid and the rest is durable; 429 or 503 with Retry-After when we cannot
// take it now.
package lokipush
