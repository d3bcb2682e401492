// Package logpipe runs LogQL pipelines over log records.
//
// It belongs here: a record as LogQL sees it, the labels a record has and gets,
// and what each stage does to them and to the line. What a stage does to a text
// alone (logline), the language (logql), and reading records and counting them
// (logexec) do not.
package logpipe
