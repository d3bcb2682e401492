// Package trefoilclient calls Trefoil's native HTTP API for the data source's
// backend: status, metric queries and log searches as Arrow streams, one trace
// by ID, and the names that fill the query editor.
//
// Here belong requests, answers as plain Go values, and the classes of failure
// a user can act on. Grafana's frames, settings and protocol do not; neither
// does any of Trefoil's own packages: the API is the only thing they share.
package trefoilclient
