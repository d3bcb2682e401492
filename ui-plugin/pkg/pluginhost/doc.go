// Package pluginhost is Grafana's half of the plugin protocol: it starts the
// built backend as a process and calls it over gRPC, as the preview and the
// tests do.
//
// Here belong the handshake and the calls. What a data source does with them
// belongs in plugin; pages and browsers belong in preview.
package pluginhost
