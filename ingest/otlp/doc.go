// Package otlp is the OTLP door: gRPC and HTTP servers for logs, metrics and
// traces, as the OpenTelemetry protocol specification 1.x wants them.
//
// What belongs here: the HTTP and gRPC forms of requests and answers, their
// encodings and compressions, JSON, and the status codes.
//
// What does not: the protobuf wire format (otlpwire), what makes a record valid
// and where it is stored (ingest), and listeners, TLS, tenants and the gRPC
// health service (cmd).
//
//	HTTP body ─▶ read: limits, gzip, zstd ─┬▶ protobuf ─▶ otlpwire ───────────────────▶ Pipeline
//	                                       └▶ JSON ─▶ check: offset, depth ─▶ pdata ─▶ Pipeline
//	gRPC frame ─▶ grpc's own limit, gzip, zstd ─▶ otlpwire ───────────────────────────▶ Pipeline
package otlp
