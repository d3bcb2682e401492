package nativejson

import (
	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
)

// Link leads to something that goes with an anchor.
type Link struct {
	Kind   string  `json:"kind"`
	Title  string  `json:"title"`
	Reason string  `json:"reason"`
	Href   string  `json:"href"`
	Score  float64 `json:"score"`
}

// Shift is how a service differs from the hour before.
type Shift struct {
	Service      string  `json:"service"`
	RateNow      float64 `json:"rate"`
	RateBefore   float64 `json:"rate_before"`
	ErrorsNow    float64 `json:"error_share"`
	ErrorsBefore float64 `json:"error_share_before"`
	P99Now       float64 `json:"p99_ns"`
	P99Before    float64 `json:"p99_ns_before"`
	Weight       float64 `json:"weight"`
}

// Pattern is a pattern of log lines that was not there before.
type Pattern struct {
	Service        string `json:"service"`
	Pattern        string `json:"pattern"`
	SeverityNumber uint8  `json:"severity_number"`
	Count          uint64 `json:"count"`
	Sample         string `json:"sample"`
}

// Related is what goes with an anchor and what changed around it.
type Related struct {
	Anchor   string        `json:"anchor"`
	Start    string        `json:"start"`
	End      string        `json:"end"`
	Services []string      `json:"services"`
	Links    []Link        `json:"links"`
	Changes  []Shift       `json:"changes"`
	Deltas   *Deltas       `json:"deltas"`
	Patterns []Pattern     `json:"patterns"`
	Alerts   []FiringAlert `json:"alerts"`
	Partial  []Partial     `json:"partial"`
}

// Delta is a value that is more or less frequent in selected spans.
type Delta struct {
	Field         string  `json:"field"`
	Value         string  `json:"value"`
	Selected      float64 `json:"selected_share"`
	Others        float64 `json:"others_share"`
	SelectedCount uint64  `json:"selected_count"`
	OthersCount   uint64  `json:"others_count"`
}

// Deltas is what tells selected spans from the rest.
type Deltas struct {
	Selection     string  `json:"selection"`
	SelectedSpans uint64  `json:"selected_spans"`
	OtherSpans    uint64  `json:"other_spans"`
	Deltas        []Delta `json:"deltas"`
}

// DeltasOf makes the answer about a selection; none of none.
func DeltasOf(selection string, d *traceexec.Deltas) *Deltas {
	if d == nil {
		return nil
	}
	out := &Deltas{selection, d.SelectedSpans, d.OtherSpans, []Delta{}}
	for _, x := range d.List {
		out.Deltas = append(out.Deltas, Delta{x.Field, x.Value.Text(), x.Selected, x.Others, x.SelectedCount, x.OthersCount})
	}
	return out
}

// RelatedOf makes the answer about an anchor of that kind.
func RelatedOf(anchor string, rel *correlate.Related) *Related {
	body := &Related{
		Anchor: anchor, Start: TimeText(rel.From.UnixNano()), End: TimeText(rel.To.UnixNano()), Services: append([]string{}, rel.Services...),
		Links: []Link{}, Changes: []Shift{}, Deltas: DeltasOf(rel.Selection, rel.Deltas), Patterns: []Pattern{}, Alerts: alertsOf(rel.Alerts), Partial: []Partial{},
	}
	for _, l := range rel.Links {
		body.Links = append(body.Links, Link(l))
	}
	for _, s := range rel.Changes {
		body.Changes = append(body.Changes, Shift{s.Service, s.RateNow, s.RateBefore, s.ErrorsNow, s.ErrorsBefore, s.Now.P99, s.Before.P99, s.Weight})
	}
	for _, p := range rel.Patterns {
		body.Patterns = append(body.Patterns, Pattern{p.Service, p.Pattern, p.Severity, p.Count, p.Sample})
	}
	for _, f := range rel.Failures {
		body.Partial = append(body.Partial, Partial{f.Section, infoOf(f.Err)})
	}
	return body
}
