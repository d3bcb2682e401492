// Package jaegerapi serves Jaeger's HTTP query API, as Grafana's Jaeger source
// and Jaeger's own UI ask it: services, operations, traces, dependencies.
//
// It belongs here: its parameters and JSON shapes. Search is traceexec's.
package jaegerapi
