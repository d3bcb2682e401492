package alerting

import (
	"net/http"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulesapi"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// AlertsHandler answers rulesapi.Alerts of a request's own tenant.
func (m *Manager) AlertsHandler() http.Handler { return m.forward.inCharge(rulesapi.Alerts(m.visible)) }

// RulesHandler answers rulesapi.Rules of a request's own tenant.
func (m *Manager) RulesHandler() http.Handler { return m.forward.inCharge(rulesapi.Rules(m.visible)) }

// AlertmanagerHandler answers Alertmanager's API v2 under notify.Prefix. Its
// alerts and silences are the Manager's tenant's; others have none.
func (m *Manager) AlertmanagerHandler() http.Handler {
	return m.forward.inCharge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tenant.FromContext(r.Context()) != m.cfg.Tenant {
			http.Error(w, `"this tenant has no Alertmanager here"`, http.StatusNotFound)
			return
		}
		m.notifier().Handler().ServeHTTP(w, r)
	}))
}

// MaintenanceHandler answers maintenance.Path; fail answers errors.
func (m *Manager) MaintenanceHandler(fail func(http.ResponseWriter, *fault.Error)) http.Handler {
	handler := m.maintenance.Handler(fail)
	return m.forward.inCharge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tenant.FromContext(r.Context()) != m.cfg.Tenant {
			fail(w, &fault.Error{Code: fault.NotFound, Message: "this tenant has no alerts here"})
			return
		}
		handler.ServeHTTP(w, r)
	}))
}

// visible are the groups a request may see: those of its own tenant.
func (m *Manager) visible(r *http.Request) []rulesapi.Group {
	if tenant.FromContext(r.Context()) != m.cfg.Tenant {
		return nil
	}
	m.mu.RLock()
	groups := m.groups
	m.mu.RUnlock()
	out := make([]rulesapi.Group, len(groups))
	for i, g := range groups {
		out[i] = g.snapshot()
	}
	return out
}

func (g *group) snapshot() rulesapi.Group {
	out := rulesapi.Group{File: g.file, Name: g.def.Name, Interval: g.interval, Limit: g.def.Limit, Rules: make([]rulesapi.Rule, len(g.rules))}
	g.mu.Lock()
	out.Evaluation = rulesapi.Evaluation{At: g.lastEval, Took: g.duration}
	g.mu.Unlock()
	for i, r := range g.rules {
		out.Rules[i] = r.snapshot()
	}
	return out
}

func (r *liveRule) snapshot() rulesapi.Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := rulesapi.Rule{Name: r.name(), Evaluation: rulesapi.Evaluation{At: r.lastEval, Took: r.duration}, Err: r.lastErr}
	if r.alert == nil {
		out.Query, out.Labels = r.record.Expr, r.record.Labels
		return out
	}
	a := r.alert
	out.Query, out.Labels = a.Expr, a.Labels
	out.Alert = &rulesapi.Alerting{
		Annotations: a.Annotations, Hold: a.Hold, KeepFiring: a.KeepFiring, While: a.While,
		State: r.set.State().String(), Changes: r.set.ChangedInLastHour(time.Now()), Active: r.active,
	}
	if r.lastEval.IsZero() && r.set.Len() == 0 {
		out.Alert.State = "unknown"
	}
	return out
}

func (r *liveRule) changedInLastHour() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set.ChangedInLastHour(time.Now())
}

// active are the rule's pending and firing alerts.
func (r *liveRule) active() (out []rulesapi.Alert) {
	r.mu.Lock()
	instances := r.set.Instances()
	r.mu.Unlock()
	for i := range instances {
		if in := &instances[i]; in.State != rule.Inactive {
			out = append(out, rulesapi.Alert{
				Labels: in.Labels, Annotations: in.Annotations, State: in.State.String(),
				ActiveAt: in.ActiveAt, KeepFiringSince: in.KeepFiringSince, Value: in.Value,
			})
		}
	}
	return out
}
