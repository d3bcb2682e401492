// Package shop is a small shop that exists only as telemetry. Six services
// handle requests in virtual time; what they would have sent goes out through
// the OpenTelemetry SDK and its OTLP exporters, one resource per service:
//
//	           ┌─▶ cart ──▶ (redis)
//	frontend ──┼─▶ inventory ──▶ (postgresql)
//	           └─▶ checkout ──┬─▶ cart, inventory
//	                          ├─▶ payment ──▶ (card gateway)
//	                          └─▶ (kafka) ──▶ shipping
//
// plan.go has the virtual clock, scenarios.go what the shop does, emit.go turns
// a plan into spans, logs and measurements, runtime.go measures what surrounds
// the services, export.go sends them. Trefoil's own
// encoders and storage do not belong here: this is a client like any other.
package shop
