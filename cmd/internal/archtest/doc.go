// Package archtest keeps the layout's law by test: which folder may import
// which, how packages are named and nested, and what no file may contain.
//
//	cmd ──▶ everything            ui-plugin, bench, deploy ──▶ none of ours
//	alerting ──▶ query ──▶ storage ◀── ingest
//	query/*api ◀── query and cmd only
//
// law.go judges packages that were listed elsewhere, so that the law itself
// can be tested; source.go judges one file's syntax. Style that a formatter or
// linter already enforces does not belong here.
package archtest
