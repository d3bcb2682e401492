// Package ruletest runs unit tests of rule files, written in promtool's format:
// input series, and what alerts and expressions should come to at given times.
//
//	test file ─▶ memory (input series) ◀──record── rules, evaluated every evaluation_interval
//	                     │                              ▲
//	                     └──── Prometheus's engine ─────┘ ─▶ compared with exp_alerts, exp_samples
//	                           or that of MetricsQL
//
// It belongs here: the format, series in memory, virtual time, the comparison.
// What a rule does (package rule) and what a rule file says (package rulefile)
// do not: a test goes through the same code as a server.
package ruletest
