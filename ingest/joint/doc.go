// Package joint makes one of small requests that wait for the same thing.
//
// A block of a hundred records costs ClickHouse twice what it costs in a block of
// a thousand, and a frame of the log and a sync cost the same whatever is in them.
// So while a request of a kind is being stored, the next small ones gather, and are
// stored as one when it is done:
//
//	request ─▶ nothing under way ─▶ alone
//	        ─▶ else: into the open group ─▶ when that is done: Store(group) ─▶ all are answered
//
// Nobody waits for company: with nothing under way a request goes at once, and a
// group as soon as what was under way is done.
//
// What belongs here: who goes with whom, and when (Queue), and taking in what was
// joined (Door). What does not: what is in a request, and how several become one,
// which each protocol knows of its own. Where that proves impossible, as one is
// wrong or known already, Store says ErrSeparate, before anything is kept, and each
// goes alone.
package joint
