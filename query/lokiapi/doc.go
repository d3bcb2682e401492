// Package lokiapi serves Loki's HTTP API on logs, for Grafana's Loki source, its
// drill-down applications and logcli.
//
// It belongs here: the parameters, paths and JSON of that API, and tailing over a
// WebSocket. Evaluation does not (logexec).
package lokiapi
