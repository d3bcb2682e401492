// Package rulefile reads rule files: Prometheus's YAML format, with one more
// field on a group, `type`, naming the language of its expressions.
//
// It answers with values only. A mistake is a [Problem] with file, line,
// column and what would be right, and a file with a mistake yields all of
// its mistakes, not the first. Parsing a file has no side effect and reaches
// no network; whether a rule does anything sensible is not decided here.
//
// What does not belong here: evaluating rules (package rule), scheduling them
// (package alerting), and the languages themselves, which come in as functions.
package rulefile
