// Package logline takes log lines apart and puts them together: JSON, logfmt,
// patterns, templates, addresses, colour codes, sizes.
//
// It belongs here: what a stage of LogQL does to one text, as functions of texts
// that know neither labels nor queries nor storage. Compiled forms are safe for
// concurrent use unless they say otherwise.
package logline
