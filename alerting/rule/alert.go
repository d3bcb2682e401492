package rule

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// ResolvedRetention is how long a resolved instance stays in a Set, so that
// its resolution is delivered although a receiver is away for a while.
const ResolvedRetention = 15 * time.Minute

// ErrDuplicateLabels says that a rule yields two elements that differ in
// nothing once the rule's labels are put on them.
var ErrDuplicateLabels = errors.New("the rule yields elements with the same labels after its own labels are applied")

// Alert is the definition of an alerting rule.
type Alert struct {
	Name string
	// Group is the group's name; it is a label of the alerts that stand for an
	// answer, see Apply.
	Group string
	// Expr is the expression as its language prints it.
	Expr string
	// While is the rule file's `keep_firing_while`: what fires goes on while
	// this expression yields it, although Expr does not. Empty: nothing does.
	While string
	// Data is what the condition compares; empty: Expr.
	Data string
	// Hold is the rule file's `for`.
	Hold time.Duration
	// KeepFiring is the rule file's `keep_firing_for`.
	KeepFiring time.Duration
	// Labels and Annotations hold templates.
	Labels, Annotations labels.Labels
	// Limit is the largest number of pending and firing instances; zero is
	// no limit.
	Limit int
	// NoData and OnError are the rule file's policies.
	NoData, OnError rulefile.Policy
}

// Active is one element of an evaluation result, its labels and annotations
// expanded.
type Active struct {
	Labels, Annotations labels.Labels
	Value               float64
	// Since is when it became active, if that is known to be earlier than the
	// first evaluation that yields it.
	Since time.Time
}

// Change is one transition of one instance.
type Change struct {
	// From is the state before; the state after is Instance.State.
	From State
	// Instance is a copy of the instance after the transition.
	Instance Instance
}

// Gone says whether the instance left the set without having fired.
func (c Change) Gone() bool { return c.From == Pending && c.Instance.State == Inactive }

// Step moves the instances of a set on to the time of one evaluation. On an
// error (duplicate labels, limit exceeded) the set is as it was: a rule that
// cannot be evaluated resolves nothing.
func (a *Alert) Step(set *Set, at time.Time, active []Active) ([]Change, error) {
	seen := make(map[uint64]*Active, len(active))
	for i := range active {
		hash := active[i].Labels.Hash()
		if seen[hash] != nil {
			return nil, ErrDuplicateLabels
		}
		seen[hash] = &active[i]
	}
	if n := a.countAfter(set, at, seen); a.Limit > 0 && n > a.Limit {
		return nil, fmt.Errorf("exceeded limit of %d with %d alerts", a.Limit, n)
	}

	var changes []Change
	for i := range active {
		set.observe(active[i].Labels.Hash(), &active[i], at)
	}
	for _, hash := range set.order() {
		in := set.byHash[hash]
		from, known := in.State, !in.isNew
		if !known {
			from = Inactive
		}
		a.move(in, at, seen[hash] != nil)
		in.isNew = false
		if in.State != from {
			changes = append(changes, Change{From: from, Instance: *in})
		}
		if in.State == Inactive && (from == Pending || at.Sub(in.ResolvedAt) > ResolvedRetention) {
			set.remove(hash)
		}
	}
	set.changed.add(len(changes), at)
	return changes, nil
}

// Kept are those elements of While's result, expanded, that fire and are not in
// Expr's.
func (s *Set) Kept(active, while []Active) (kept []Active) {
	seen := make(map[uint64]bool, len(active))
	for i := range active {
		seen[active[i].Labels.Hash()] = true
	}
	for i := range while {
		hash := while[i].Labels.Hash()
		if in := s.byHash[hash]; in != nil && in.State == Firing && !seen[hash] {
			kept = append(kept, while[i])
		}
	}
	return kept
}

// countAfter is the number of pending and firing instances a step would leave.
func (a *Alert) countAfter(set *Set, at time.Time, seen map[uint64]*Active) int {
	n := len(seen)
	for hash, in := range set.byHash {
		if seen[hash] == nil && in.State == Firing && a.keeps(in, at) {
			n++
		}
	}
	return n
}

// move makes the transition of one instance.
func (a *Alert) move(in *Instance, at time.Time, seen bool) {
	if seen {
		in.KeepFiringSince = time.Time{}
		in.KeepUntil = time.Time{}
	} else if in.State == Firing && a.keeps(in, at) {
		if a.KeepFiring > 0 && in.KeepFiringSince.IsZero() {
			in.KeepFiringSince = at
		}
	} else {
		if in.State != Inactive {
			in.State = Inactive
			in.ResolvedAt = at
		}
		return
	}
	switch held := at.Sub(in.ActiveAt) >= a.Hold; {
	case in.State == Pending && held:
		in.State = Firing
		in.FiredAt = at
	case in.State == Firing && !held:
		// A reload has raised `for` above the time this one is active.
		in.State = Pending
		in.FiredAt = time.Time{}
		in.KeepFiringSince = time.Time{}
	}
}

// keeps says whether a firing instance that is missing from the result goes
// on firing.
func (a *Alert) keeps(in *Instance, at time.Time) bool {
	if at.Before(in.KeepUntil) {
		return true
	}
	if a.KeepFiring <= 0 {
		return false
	}
	return in.KeepFiringSince.IsZero() || at.Sub(in.KeepFiringSince) < a.KeepFiring
}
