// Package alerting evaluates rule files on schedule and sees to it that people
// hear of what fires, once.
//
//	rule files ─▶ rulefile ─▶ groups, each on its own schedule
//	                             │ Instant(expr, at)          one query a rule
//	                             ▼
//	                          rule.Set: pending, firing, resolved
//	                             │
//	                 1. alertstore: state and history          before anybody is told
//	                 2. notify: intent, webhook, outcome       see its crash table
//	                 3. Record: ALERTS and recorded series
//
// The order is what makes a restart quiet. State is stored before a receiver
// is told, and what a receiver was told is stored around the telling; so the
// next process finds the alert firing and told, or firing and not told, or
// neither. The Manager evaluates nothing before it has read that back. While
// the store is away it goes on with what it has in memory, pages included, and
// stores the rest when it can.
//
// An evaluation that fails leaves its rule as it is: nothing is resolved
// because a query could not be answered.
//
// It belongs here: the schedule, reloading and restoring. It does not: the
// state machine (package rule), delivery (package notify), the file format
// (package rulefile), Prometheus's rules and alerts API (package rulesapi), and
// how a language is evaluated (Config.Instant).
package alerting
