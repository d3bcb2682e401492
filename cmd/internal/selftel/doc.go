// Package selftel is Trefoil's telemetry about itself: the logger, the
// registry behind /metrics and, when an address is given, spans of its own over
// OTLP.
//
// It makes the instruments' homes, not the instruments: a package that counts
// something registers it with the Registerer in its Config.
package selftel
