package rule

import (
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// NoDataAlert is the alert of a rule whose policy is `nodata`; its label `rule`
// names the rule.
const NoDataAlert = "RuleNoData"

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
	active  []Active
}

// Apply moves a set on by what was heard in an evaluation for a time: the
// rule's policies first, then Step. moved is false where everything stays as it
// was. The error is the answer's, even where a policy knew what to do, or
// Step's.
func (a *Alert) Apply(set *Set, at time.Time, answer Answer) (changes []Change, moved bool, err error) {
	v := a.judge(set, at, answer)
	if v.stay {
		return nil, false, answer.Err
	}
	var active []Active
	if answer.Err == nil {
		active = append(active, answer.Active...)
		active = append(active, set.Kept(active, answer.Staying)...)
	}
	active = append(active, v.active...)
	active = append(active, v.held(set, active)...)
	if changes, err = a.Step(set, at, active); err != nil {
		return nil, false, err
	}
	return changes, true, answer.Err
}

// judge applies the policies.
func (a *Alert) judge(set *Set, at time.Time, answer Answer) verdict {
	policy, since := a.noData(), &set.without.data
	if answer.Err != nil {
		policy, since = a.onError(), &set.without.answer
	} else {
		set.without.answer = time.Time{}
		if !answer.Empty {
			set.without.data = time.Time{}
			return verdict{}
		}
	}
	if since.IsZero() {
		*since = at
	}
	waits := at.Sub(*since) < policy.For
	switch {
	case policy.Then == rulefile.Ok:
		return verdict{stay: waits && set.Len() > 0}
	case policy.Then == rulefile.Keep, waits:
		return verdict{stay: true}
	}
	why := "the rule's query has no data"
	if answer.Err != nil {
		why = "the rule cannot be evaluated: " + answer.Err.Error()
	}
	return verdict{keepAll: true, active: []Active{a.withoutAnswer(policy.Then, why, at)}}
}

// withoutAnswer is the alert that stands for one that cannot be known: the
// rule's own, or RuleNoData naming it. Templates are left out, having no series
// to speak of. The policy's delay is over, so the rule's own does not come on
// top.
func (a *Alert) withoutAnswer(then rulefile.Then, why string, at time.Time) Active {
	lb := labels.NewBuilder(a.Labels)
	lb.Set(model.AlertNameLabel, a.Name)
	if then == rulefile.NoData {
		lb.Set(model.AlertNameLabel, NoDataAlert)
		lb.Set("rule", a.Name)
	}
	lb.Set("rule_group", a.Group)
	return Active{
		Labels: lb.Labels(), Annotations: labels.FromStrings("summary", why), Value: math.NaN(), Since: at.Add(-a.Hold),
	}
}

// held are the firing alerts of a set, which go on although nobody could see
// them. Pending ones start over: there is no telling whether they would be.
func (v *verdict) held(set *Set, active []Active) []Active {
	if !v.keepAll {
		return nil
	}
	seen := map[uint64]bool{}
	for _, one := range active {
		seen[one.Labels.Hash()] = true
	}
	var out []Active
	for _, in := range set.Instances() {
		if in.State == Firing && !seen[in.Labels.Hash()] {
			out = append(out, Active{Labels: in.Labels, Annotations: in.Annotations, Value: in.Value})
		}
	}
	return out
}
