// Package plugin is the backend of Trefoil's Grafana data source: one Datasource
// per configured source, answering Grafana's health checks, queries, resource
// calls and live tails.
//
// Here belong settings, the query model shared with the editor, and how failures
// are reported to Grafana. HTTP belongs in trefoilclient, frames in frames.
package plugin
