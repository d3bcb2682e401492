package rulesapi

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Group is a rule group at the time of a request.
type Group struct {
	File, Name string
	Interval   time.Duration
	Limit      int
	Evaluation Evaluation
	Rules      []Rule
}

// Evaluation is when something was last evaluated, and how long that took; zero
// before it was.
type Evaluation struct {
	At   time.Time
	Took time.Duration
}

// Rule is a rule. One that records has no Alert.
type Rule struct {
	Name, Query string
	Labels      labels.Labels
	Evaluation  Evaluation
	Err         error // of the last evaluation
	Alert       *Alerting
}

// Alerting is what only alerting rules have.
type Alerting struct {
	Annotations      labels.Labels
	Hold, KeepFiring time.Duration
	While            string // the condition that keeps firing what fires
	State            string
	Changes          int            // of the state, in the last hour
	Active           func() []Alert // pending or firing
}

// Alert is a pending or firing alert.
type Alert struct {
	Labels, Annotations       labels.Labels
	State                     string
	ActiveAt, KeepFiringSince time.Time
	Value                     float64
}
