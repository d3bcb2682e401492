// Package backtest replays rules over stored data: when each would have fired,
// and for how long.
//
// A rule's expression is evaluated once over the whole range, at the times its
// group would have evaluated it, and the results go through the same state
// machine as a server's (package rule). Where the data comes from is the
// caller's. What recording rules would have recorded is not made up: a rule
// that reads it sees what is stored.
package backtest
