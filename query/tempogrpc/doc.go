// Package tempogrpc is Tempo's StreamingQuerier over gRPC, as Grafana's Tempo
// source asks it where streaming is on: the answers of Tempo's HTTP API as
// protocol messages, on the port of the HTTP API.
//
// It belongs here: the messages, and which request of the HTTP API each call is.
// What is answered does not (tempoapi). The messages are written down from the
// wire format; nothing of Tempo's is compiled in.
package tempogrpc
