// Package engine runs the embedded ClickHouse: it starts the library in a child process of this same binary, keeps it
// running, and says where it listens.
//
//	parent                                   child (same binary, re-executed)
//	Start ─ verify library, lock directory   ChildMain ─ Landlock, exec once more, pty, dlopen
//	  │     reserve ports, write config         │
//	  ├──── fd 3: lives as long as the parent ──▶ closed: leave the prompt, flush, end
//	  ◀──── fd 4: the listeners are up ───────────┤
//	  ├──── fd 5: the directory lock, shared ─────┤ so that an orphan still counts as an owner
//	  └──── clients: native and HTTP protocol ────▶ 127.0.0.1, random password
//
// What belongs here: everything that is special to running ClickHouse inside our own process tree. What does
// not: the library itself (enginelib), schema, queries and connection pools. An external ClickHouse is reached by the same clients without
// this package. A program that calls Start must call MaybeChild first thing in main (and in TestMain).
package engine
