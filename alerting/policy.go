package alerting

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// Names of alerts that no rule file has.
const (
	noDataAlert = "RuleNoData"
	outageAlert = "TrefoilStoreUnavailable"
)

// without is since when a rule has had no answer to judge by.
type without struct {
	data, answer time.Time
}

// verdict is what an evaluation comes to besides its result.
type verdict struct {
	// stay leaves the rule's alerts as they are.
	stay bool
	// keepAll goes on with what fires.
	keepAll bool
	active  []rule.Active
}

// judge applies the rule's policies. The error is that of the evaluation, even
// when the policy knows what to do.
func (r *liveRule) judge(ctx context.Context, result promql.Vector, err error, at, queried time.Time) (verdict, error) {
	if err == nil {
		err = r.look(ctx, result, at, queried)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	policy, since := r.noData, r.without.data
	switch {
	case err == nil:
		r.without.answer = time.Time{}
		if since.IsZero() {
			return verdict{}, nil
		}
	case r.group.m.cfg.Unavailable(err) || ctx.Err() != nil:
		return verdict{stay: true}, err // an alert of its own, see outage
	default:
		if r.without.answer.IsZero() {
			r.without.answer = at
		}
		policy, since = r.onError, r.without.answer
	}
	if policy.Then == rulefile.Keep || policy.Then != rulefile.Ok && at.Sub(since) < policy.For {
		return verdict{stay: true}, err
	}
	if policy.Then == rulefile.Ok {
		return verdict{stay: at.Sub(since) < policy.For && r.set.Len() > 0}, err
	}
	why := "the rule's query has no data"
	if err != nil {
		why = "the rule cannot be evaluated: " + err.Error()
	}
	return verdict{keepAll: true, active: []rule.Active{r.withoutAnswer(policy.Then, why, at)}}, err
}

// look notes since when an empty result is one without data. Rules whose
// policy does not care are not asked twice.
func (r *liveRule) look(ctx context.Context, result promql.Vector, at, queried time.Time) error {
	empty := len(result) == 0 && r.noData != rulefile.Policy{Then: rulefile.Ok}
	if empty && r.data != r.alert.Expr {
		found, err := r.query(ctx, r.data, queried)
		if err != nil {
			return err
		}
		empty = len(found) == 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !empty:
		r.without.data = time.Time{}
	case r.without.data.IsZero():
		r.without.data = at
	}
	return nil
}

// withoutAnswer is the alert that stands for one that cannot be known: the
// rule's own, or RuleNoData naming it. Templates are left out, having no series
// to speak of. The policy's delay is over, so the rule's own does not come on
// top.
func (r *liveRule) withoutAnswer(then rulefile.Then, why string, at time.Time) rule.Active {
	lb := labels.NewBuilder(r.alert.Labels)
	lb.Set(model.AlertNameLabel, r.alert.Name)
	if then == rulefile.NoData {
		lb.Set(model.AlertNameLabel, noDataAlert)
		lb.Set("rule", r.alert.Name)
	}
	lb.Set("rule_group", r.group.def.Name)
	return rule.Active{
		Labels: lb.Labels(), Annotations: labels.FromStrings("summary", why), Value: math.NaN(), Since: at.Add(-r.alert.Hold),
	}
}

// held are the firing alerts of a set, which go on although nobody could see
// them. Pending ones start over: there is no telling whether they would be.
func (v *verdict) held(set *rule.Set, active []rule.Active) []rule.Active {
	if !v.keepAll {
		return nil
	}
	seen := map[uint64]bool{}
	for _, a := range active {
		seen[a.Labels.Hash()] = true
	}
	var out []rule.Active
	for _, in := range set.Instances() {
		if in.State == rule.Firing && !seen[in.Labels.Hash()] {
			out = append(out, rule.Active{Labels: in.Labels, Annotations: in.Annotations, Value: in.Value})
		}
	}
	return out
}

// outage is the store's being away, which is one alert however many rules
// notice it.
type outage struct {
	mu     sync.Mutex
	since  time.Time
	firing bool
}

// observe takes the outcome of one evaluation.
func (o *outage) observe(m *Manager, err error, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil && o.firing:
		o.tell(m, at)
		o.firing, o.since = false, time.Time{}
	case err == nil:
		o.since = time.Time{}
	case m.cfg.Unavailable(err):
		o.note(m, at)
	}
}

// away notes that the store cannot be asked.
func (o *outage) away(m *Manager, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(m, at)
}

func (o *outage) note(m *Manager, at time.Time) {
	switch {
	case o.since.IsZero():
		o.since = at
	case at.Sub(o.since) >= m.cfg.OutageFor:
		o.firing = true
		o.tell(m, time.Time{})
	}
}

// over tells that the store is back, in case the process before was telling of
// an outage when it ended.
func (o *outage) over(m *Manager, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = at.Add(-time.Second)
	o.tell(m, at)
	o.since = time.Time{}
}

// tell puts the alert; end is when the store was back.
func (o *outage) tell(m *Manager, end time.Time) {
	ls := map[string]string{model.AlertNameLabel: outageAlert, "severity": "critical"}
	for name, value := range m.cfg.ExternalLabels {
		ls[name] = value
	}
	err := m.notifier().Put(notify.Alert{
		Labels: ls, StartsAt: o.since, EndsAt: end,
		Annotations: map[string]string{
			"summary":     "Trefoil cannot ask its store: alert rules are not evaluated",
			"description": "What fired still fires, and nothing is resolved, until the store answers again.",
		},
	})
	if err != nil {
		m.log.Error("the store's outage is not told", "err", err)
	}
}
