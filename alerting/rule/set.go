package rule

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// State of an instance. The numbers are stored; they do not change.
type State uint8

// The states, in the order of their weight.
const (
	Inactive State = 0 // resolved, or gone
	Pending  State = 1
	Firing   State = 2
)

// String prints a state as Prometheus's API does.
func (s State) String() string {
	switch s {
	case Inactive:
		return "inactive"
	case Pending:
		return "pending"
	case Firing:
		return "firing"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Instance is one label set for which a rule is, or lately was, active.
type Instance struct {
	// Labels identify the instance; they include alertname.
	Labels      labels.Labels
	Annotations labels.Labels
	// Value is the expression's value when it was last seen.
	Value float64
	State State
	// ActiveAt is when it was first seen, FiredAt when it began to fire,
	// ResolvedAt when it stopped. Zero where that has not happened.
	ActiveAt, FiredAt, ResolvedAt time.Time
	// KeepFiringSince is when it went missing while keep_firing_for holds it.
	KeepFiringSince time.Time
	// KeepUntil holds a restored firing instance until it is seen again or
	// this time has come: data may still be arriving after a restart.
	KeepUntil time.Time

	isNew bool
}

// Fingerprint identifies the labels, today and in later releases; it is the
// one Alertmanager uses.
func (in *Instance) Fingerprint() uint64 { return Fingerprint(in.Labels) }

// Fingerprint is Alertmanager's fingerprint of a label set.
func Fingerprint(ls labels.Labels) uint64 {
	set := make(model.LabelSet, ls.Len())
	ls.Range(func(l labels.Label) { set[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return uint64(set.Fingerprint())
}

// Set holds the instances of one rule. The zero value is empty and ready. It
// does not lock: one goroutine at a time.
type Set struct {
	byHash  map[uint64]*Instance
	without without
	changed changesByMinute
}

// observe notes that an element is in the result.
func (s *Set) observe(hash uint64, active *Active, at time.Time) {
	if in := s.byHash[hash]; in != nil && in.State != Inactive {
		in.Value, in.Annotations = active.Value, active.Annotations
		return
	}
	if !active.Since.IsZero() {
		at = active.Since
	}
	s.put(hash, &Instance{
		Labels: active.Labels, Annotations: active.Annotations, Value: active.Value,
		State: Pending, ActiveAt: at, isNew: true,
	})
}

func (s *Set) put(hash uint64, in *Instance) {
	if s.byHash == nil {
		s.byHash = map[uint64]*Instance{}
	}
	s.byHash[hash] = in
}

func (s *Set) remove(hash uint64) { delete(s.byHash, hash) }

// order answers the hashes in the order of the labels, so that a step has one
// outcome, whatever the map thinks.
func (s *Set) order() []uint64 {
	hashes := make([]uint64, 0, len(s.byHash))
	for hash := range s.byHash {
		hashes = append(hashes, hash)
	}
	slices.SortFunc(hashes, func(a, b uint64) int {
		return labels.Compare(s.byHash[a].Labels, s.byHash[b].Labels)
	})
	return hashes
}

// Instances are copies of all instances, resolved ones included, in the order
// of their labels.
func (s *Set) Instances() []Instance {
	out := make([]Instance, 0, len(s.byHash))
	for _, hash := range s.order() {
		out = append(out, *s.byHash[hash])
	}
	return out
}

// State is the heaviest state of the instances.
func (s *Set) State() State {
	state := Inactive
	for _, in := range s.byHash {
		state = max(state, in.State)
	}
	return state
}

// Len is the number of instances, resolved ones included.
func (s *Set) Len() int { return len(s.byHash) }
