package rule

import "time"

// Gap describes the time in which nobody evaluated a rule.
type Gap struct {
	// Seen is when the rule was last evaluated, Now the present.
	Seen, Now time.Time
	// Interval is the rule's evaluation interval.
	Interval time.Duration
	// Forget is how long a gap may be for a pending instance to survive it.
	Forget time.Duration
	// Grace is how long a firing instance is kept without being seen.
	Grace time.Duration
}

// Restore puts instances back into a set after a gap. Those the set has
// already are left alone.
//
// A firing instance fires on, however long the gap: somebody was paged, and
// is owed either the alert or its resolution. A pending one has the time
// nobody looked taken out of its waiting, since nobody knows whether it was
// active then; after a long gap it starts anew. A resolved one keeps its
// resolution for what is left of ResolvedRetention.
func (s *Set) Restore(stored []Instance, gap Gap) {
	away := max(0, gap.Now.Sub(gap.Seen)-gap.Interval)
	for i := range stored {
		in := stored[i]
		hash := in.Labels.Hash()
		if s.byHash[hash] != nil {
			continue
		}
		switch in.State {
		case Firing:
			in.KeepUntil = gap.Now.Add(gap.Grace)
			if !in.KeepFiringSince.IsZero() {
				in.KeepFiringSince = in.KeepFiringSince.Add(away)
			}
		case Pending:
			if away > gap.Forget {
				continue
			}
			in.ActiveAt = in.ActiveAt.Add(away)
		default:
			if gap.Now.Sub(in.ResolvedAt) > ResolvedRetention {
				continue
			}
		}
		s.put(hash, &in)
	}
}

// ResolveAll ends every instance: its rule is no longer there. It answers the
// changes; the set keeps the resolved instances.
func (s *Set) ResolveAll(at time.Time) []Change {
	var changes []Change
	for _, hash := range s.order() {
		in := s.byHash[hash]
		from := in.State
		if from == Inactive {
			continue
		}
		in.State, in.ResolvedAt = Inactive, at
		changes = append(changes, Change{From: from, Instance: *in})
		if from == Pending {
			s.remove(hash)
		}
	}
	return changes
}
