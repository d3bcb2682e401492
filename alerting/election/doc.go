// Package election decides which of the processes over one ClickHouse is in
// charge of a tenant's alerting.
//
//	turn 7: a ──▶ turn 8: a ──▶ turn 9: a ─x          the holder claims turn after turn
//	                                └── a lease's life ──▶ turn 10: b     another one, when turns stop
//
// The store keeps the first claim of a turn and drops the others, so a turn has
// one holder and everybody sees the same. A holder whose claim comes after
// another's sees that it is not in charge any more. No clock is compared with
// another one: the others wait for a lease's life, by their own clock, in which
// no turn comes; the holder is certain for three fifths of it, counted from
// before its claim. What is left is for what it has under way, and for clocks
// that run at different speeds.
//
// A holder that cannot reach the store does not know whether it is still in
// charge (Term.Certain). It then neither evaluates nor stores, both of which
// need the store anyway, but its term goes on until another holder is seen:
// otherwise nobody would tell of the outage.
//
// What being in charge means does not belong here.
package election
