// Package rule is what one rule does in one evaluation: Prometheus's alerting
// and recording semantics as pure functions of a definition, a state, a time
// and an evaluation result.
//
//	             seen            seen, for `for`              missing
//	(nothing) ─────────▶ pending ───────────────▶ firing ────────────────▶ resolved
//	     ▲                  │                      ▲   │ missing, less than   │
//	     └──────────────────┘                      └───┘ keep_firing_for      │
//	     ▲      missing                                                       │
//	     └────────────────────────────────────────────────────────────────────┘
//	           15 minutes later, or seen again (with a new ActiveAt)
//
// One evaluation asks ([Alert.Ask]) and then decides ([Alert.Apply]): a server,
// a unit test and a backtest all go through these two, and differ in who
// answers.
//
// Time comes in as an argument only, so tests and backtests run in virtual
// time. Nothing here sleeps, locks, stores or sends; that is package alerting.
// What reaches outside does so through the function an [Expander] is given.
package rule
