// Package querycmd is the commands that ask a server: query promql, metricsql,
// logql, traceql, logs and trace.
//
// It belongs here: one file a command with its flags, and what they have in
// common. Speaking with the server does not (nativeclient), nor drawing answers
// (termview).
package querycmd
