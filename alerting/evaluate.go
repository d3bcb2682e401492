package alerting

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
)

// liveRule is one rule and what it has come to. Exactly one of alert and
// record is set.
type liveRule struct {
	id       uint64
	group    *group
	language rulefile.Language
	alert    *rule.Alert
	record   *rule.Record
	*ruleState
}

// ruleState is what a rule has come to. It outlives the rule at a reload. One
// evaluation at a time writes; the API reads.
type ruleState struct {
	mu       sync.Mutex
	set      rule.Set
	stale    rule.Stale
	lastErr  error
	lastEval time.Time
	duration time.Duration
	// evidence are annotations of firing instances, by fingerprint; guarded by
	// evidenceMu.
	evidenceMu sync.Mutex
	evidence   map[uint64]map[string]string
}

func newRule(id uint64, g *group, language rulefile.Language, def *rulefile.Rule) *liveRule {
	r := &liveRule{id: id, group: g, language: language, ruleState: &ruleState{}}
	if def.Record != "" {
		r.record = rule.NewRecord(&g.def, def)
	} else {
		r.alert = rule.NewAlert(&g.def, def)
	}
	return r
}

func (r *liveRule) name() string {
	if r.alert != nil {
		return r.alert.Name
	}
	return r.record.Name
}

// ruleKey is what makes a rule the same rule after a reload or a restart: its
// group's name, its own name and its labels. Its file is not part of it, nor
// are its expression and times: those may change under an alert that fires.
func ruleKey(groupName string, def *rulefile.Rule) string {
	kind := "alert"
	if def.Record != "" {
		kind = "record"
	}
	key := fmt.Sprintf("%q %s %q", groupName, kind, def.Name())
	for _, name := range slices.Sorted(maps.Keys(def.Labels)) {
		key += fmt.Sprintf(" %q=%q", name, def.Labels[name])
	}
	return key
}

// stableID is a hash that does not change with releases.
func stableID(text string) uint64 {
	sum := sha256.New()
	_, _ = io.WriteString(sum, text)
	return binary.BigEndian.Uint64(sum.Sum(nil))
}

// outcome is what one evaluation of a rule has come to. What it changes outside
// the process is carried out for all rules of a level at once, see group.commit.
type outcome struct {
	rule      *liveRule
	began     time.Time
	took      time.Duration
	err       error
	samples   promql.Vector
	changes   []rule.Change
	instances []rule.Instance
}

// evaluate runs the rule once for a time. An evaluation that was cancelled
// before it changed anything did not happen: there is no outcome.
func (r *liveRule) evaluate(ctx context.Context, at time.Time) *outcome {
	o := &outcome{rule: r, began: time.Now()}
	if r.alert != nil {
		o.err = r.evaluateAlert(ctx, at, o)
	} else {
		o.err = r.evaluateRecord(ctx, at, o)
	}
	o.took = time.Since(o.began)
	if ctx.Err() != nil && o.instances == nil && o.samples == nil {
		return nil
	}
	return o
}

// finish notes how the evaluation went.
func (o *outcome) finish() {
	r := o.rule
	m, key := r.group.m, r.group.key()
	m.metrics.evaluations.WithLabelValues(key).Inc()
	m.metrics.duration.Observe(o.took.Seconds())
	if o.err != nil {
		m.metrics.failures.WithLabelValues(key).Inc()
		m.log.Warn("rule evaluation failed", "group", key, "rule", r.name(), "err", o.err)
	}
	r.mu.Lock()
	r.lastErr, r.lastEval, r.duration = o.err, o.began, o.took
	r.mu.Unlock()
}

// query asks the rule's expression, or in the rule's language that of a
// template.
func (r *liveRule) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	m := r.group.m
	vector, notes, err := m.cfg.Instant(ctx, m.cfg.Tenant, string(r.language), expr, at)
	for _, note := range notes {
		m.log.Debug("rule evaluation", "group", r.group.key(), "rule", r.name(), "note", note)
	}
	return vector, err
}

func (r *liveRule) evaluateAlert(ctx context.Context, at time.Time, o *outcome) error {
	m := r.group.m
	asOf := at.Add(-r.group.offset)
	timed, cancel := context.WithTimeout(ctx, m.cfg.EvaluationTimeout)
	defer cancel()
	answer, problems := r.alert.Ask(timed, rule.Expander{Query: r.query, ExternalURL: m.externalURL, ExternalLabels: m.cfg.ExternalLabels}, at, asOf, r.firing())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.outage.observe(m, answer.Err, at)
	if answer.Err != nil && m.cfg.Unavailable(answer.Err) {
		return answer.Err // an alert of its own, see outage
	}
	for _, problem := range problems {
		m.log.Warn("alert template failed", "group", r.group.key(), "rule", r.name(), "err", problem)
	}
	r.mu.Lock()
	changes, moved, err := r.alert.Apply(&r.set, at, answer)
	samples, instances := r.alert.Samples(&r.set, asOf), r.set.Instances()
	r.mu.Unlock()
	if moved {
		o.changes, o.instances = changes, instances
		r.gather(timed, changes, asOf)
	}
	if m.cfg.Record != nil { // ALERTS go on where everything stays as it was
		o.samples = r.withEnded(samples, asOf)
	}
	return err
}

// firing says whether any of the rule's alerts fires.
func (r *liveRule) firing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set.State() == rule.Firing
}

func (r *liveRule) evaluateRecord(ctx context.Context, at time.Time, o *outcome) error {
	asOf := at.Add(-r.group.offset)
	timed, cancel := context.WithTimeout(ctx, r.group.m.cfg.EvaluationTimeout)
	defer cancel()
	result, err := r.query(timed, r.record.Expr, asOf)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.group.m.outage.observe(r.group.m, err, at)
	if err != nil {
		return err
	}
	samples, err := r.record.Samples(result)
	if err != nil {
		return err
	}
	o.samples = r.withEnded(samples, asOf)
	return nil
}

// withEnded are samples with the markers of the series that are gone.
func (r *liveRule) withEnded(samples promql.Vector, at time.Time) promql.Vector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(samples, r.stale.Next(samples, at)...)
}

// notifications are what receivers are told: the instances that fire or have
// fired.
func (r *liveRule) notifications(instances []rule.Instance, changes []rule.Change, at time.Time) []notify.Alert {
	var alerts []notify.Alert
	for i := range instances {
		switch in := &instances[i]; {
		case in.State == rule.Firing:
			alerts = append(alerts, r.notification(in, time.Time{}))
		case in.State == rule.Inactive && !in.FiredAt.IsZero():
			alerts = append(alerts, r.notification(in, in.ResolvedAt))
		}
	}
	for _, c := range changes {
		// Firing to pending: a reload raised `for`. To receivers it is over.
		if c.From == rule.Firing && c.Instance.State == rule.Pending {
			alerts = append(alerts, r.notification(&c.Instance, at))
		}
	}
	return alerts
}

func (r *liveRule) notification(in *rule.Instance, endsAt time.Time) notify.Alert {
	ls := in.Labels.Map()
	for name, value := range r.group.m.cfg.ExternalLabels {
		if _, ok := ls[name]; !ok {
			ls[name] = value
		}
	}
	return notify.Alert{
		Labels: ls, Annotations: r.withEvidence(in), StartsAt: in.FiredAt, EndsAt: endsAt,
		GeneratorURL: r.group.m.queryURL(r.language, r.alert.Expr),
	}
}

// rows are the changed instances as the store keeps them.
func (r *liveRule) rows(changes []rule.Change) []alertstore.Instance {
	rows := make([]alertstore.Instance, len(changes))
	for i := range changes {
		rows[i] = r.row(&changes[i].Instance)
	}
	return rows
}

func (r *liveRule) row(in *rule.Instance) alertstore.Instance {
	return alertstore.Instance{
		RuleID: r.id, Fingerprint: in.Fingerprint(), Group: r.group.def.Name, Alert: r.alert.Name,
		State: uint8(in.State), Value: in.Value,
		ActiveAt: in.ActiveAt, FiredAt: in.FiredAt, ResolvedAt: in.ResolvedAt, KeepFiringSince: in.KeepFiringSince,
		Labels: in.Labels.Map(), Annotations: r.withEvidence(in),
	}
}

func (r *liveRule) events(changes []rule.Change, at time.Time) []alertstore.Event {
	events := make([]alertstore.Event, len(changes))
	for i := range changes {
		in := &changes[i].Instance
		kind := map[rule.State]alertstore.Kind{
			rule.Pending: alertstore.BecamePending, rule.Firing: alertstore.BeganFiring, rule.Inactive: alertstore.WasResolved,
		}[in.State]
		if changes[i].Gone() {
			kind = alertstore.WasDropped
		}
		events[i] = alertstore.Event{
			Time: at, Kind: kind, RuleID: r.id, Fingerprint: in.Fingerprint(), Group: r.group.def.Name,
			Alert: r.alert.Name, Value: in.Value, Labels: in.Labels.Map(), Annotations: in.Annotations.Map(),
		}
	}
	return events
}

// retire ends the rule: it is in no file any more. What fired is resolved,
// what was recorded ends.
func (r *liveRule) retire(ctx context.Context, at time.Time) {
	o := &outcome{rule: r}
	if r.group.m.cfg.Record != nil {
		o.samples = r.withEnded(nil, at)
	}
	if r.alert != nil {
		r.mu.Lock()
		o.changes = r.set.ResolveAll(at)
		o.instances = r.set.Instances()
		r.mu.Unlock()
	}
	r.group.commit(ctx, at, []*outcome{o})
	if o.err != nil {
		r.group.m.log.Warn("series of a removed rule are not ended", "group", r.group.key(), "rule", r.name(), "err", o.err)
	}
}
