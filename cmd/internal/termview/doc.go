// Package termview draws query results for a terminal: tables, log lines and
// the waterfall of a trace. Everything that came from the network is made
// printable first, so that a log line cannot drive the reader's terminal.
//
// What does not belong here: asking for the results, and any other output
// format.
package termview
