package rulefile

import "time"

// Language names what a group's expressions are written in.
type Language string

// Languages with a part of their own here: that of a group without a `type`,
// and the one that is for rules only.
const (
	PromQL Language = "promql"
	SQL    Language = "sql"
)

// File is one parsed rule file.
type File struct {
	// Path is the file's name as it was given to Parse.
	Path   string
	Groups []Group
}

// Group is a list of rules evaluated together, in order, at one interval.
type Group struct {
	Name     string
	Language Language
	// Interval is zero when the file does not set it.
	Interval time.Duration
	// QueryOffset moves the evaluation into the past; nil when the file does
	// not set it.
	QueryOffset *time.Duration
	// Limit is the largest number of alerts or series one rule may yield;
	// zero is no limit.
	Limit int
	// Labels are merged into every rule's labels by Parse already; they are
	// kept for display.
	Labels map[string]string
	Rules  []Rule
	// Levels orders the rules for evaluation: rules of one level can be
	// evaluated at once, and each reads what rules of the levels before record.
	// The numbers are indexes of Rules, in order.
	Levels [][]int
	Line   int
}

// Rule is one alerting or recording rule. Exactly one of Alert and Record is
// set.
type Rule struct {
	Alert  string
	Record string
	// Expr is the expression as its language prints it; Source is the text
	// in the file; Data is the expression without its outermost comparisons.
	Expr   string
	Source string
	Data   string

	For           time.Duration
	KeepFiringFor time.Duration
	// KeepFiringWhile is an expression, as its language prints it; what fires
	// goes on while it yields it. Empty: there is none.
	KeepFiringWhile string
	// Labels hold the group's labels and, winning over them, the rule's own.
	Labels      map[string]string
	Annotations map[string]string

	// NoData and OnError say what becomes of the rule when there is no data
	// to judge by, and when it cannot be evaluated.
	NoData, OnError Policy
	Line            int
}

// Policy is what happens in a case that is neither true nor false, once it has
// lasted for a time.
type Policy struct {
	Then Then
	For  time.Duration
}

// Then is one of the following; empty is the default: Ok for no data, as in
// Prometheus, and Keep for an error.
type Then string

// The policies.
const (
	Ok       Then = "ok"       // nothing is active: what fires is resolved
	Alerting Then = "alerting" // the rule itself fires, and what fires stays
	NoData   Then = "nodata"   // an alert RuleNoData fires, and what fires stays
	Keep     Then = "keep"     // everything stays as it is
)

// Name is the alert's name or the recorded series' name.
func (r *Rule) Name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}
