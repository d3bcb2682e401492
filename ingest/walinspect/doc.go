// Package walinspect looks at the directory of a write-ahead log from outside:
// what is in it, whether it is sound, what was set aside and why.
//
// What belongs here: what `trefoil wal` shows and does. It takes nothing from
// the process that has the log open, and changes nothing but what Requeue moves.
//
// What does not: the format (segment) and the log at work (wal).
package walinspect
