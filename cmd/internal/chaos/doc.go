// Package chaos kills Trefoil and counts. It has tests only: they run the built
// binary under load from the OpenTelemetry SDK's exporters and from Prometheus
// remote write, end it, its engine or both without warning, and compare what
// was acknowledged with what is stored, record by record.
//
//	20 exporters ─▶ trefoil serve ─▶ engine        kill -9, SIGSTOP, a log too small
//	     │               data directory
//	     ▼                     │ after the last graceful stop
//	  ledger ◀── compare ── ClickHouse on the same directory, asked in SQL
//
// What belongs here: what needs the whole program and its death. What does not:
// crashes that a package can have by itself (a torn write, a full disk), which
// are tested there.
//
// `go test` runs ten kills; `make chaos` runs a hundred, or KILLS of them.
package chaos
