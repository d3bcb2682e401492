// Package bulkframe sends frames of many numbers to Grafana from the memory they
// arrived in.
//
// The SDK writes a frame by appending its values one by one, copies the result
// into a file in memory, and that into a message: for a million points, several
// times the work of answering the query. Here the columns go out as they are:
//
//	handler ── small stand-in ──▶ the SDK's handlers and adapter ──▶ gRPC ──▶ Codec
//	   └────── columns ──────────▶ Store ───────────────────────────────────▶ ┘
//
// The Codec puts the columns where the stand-in is. All the rest of the plugin
// protocol is the SDK's, untouched.
//
// It belongs here: the exchange of stand-ins, and Arrow files and protocol
// messages in parts. What a frame holds does not (frames).
package bulkframe
