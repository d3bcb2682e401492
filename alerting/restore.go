package alerting

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
)

// restore reads the state of the process before, trying until it can.
func (m *Manager) restore(ctx context.Context) error {
	if m.cfg.Store == nil {
		m.notifier().Restore(nil, nil)
		return nil
	}
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := m.restoreOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		m.log.Error("alert state cannot be read; no rule is evaluated until it is", "again_in", pause, "err", err)
		if !sleepUntil(ctx, time.Now().Add(pause)) {
			return ctx.Err()
		}
	}
}

func (m *Manager) restoreOnce(ctx context.Context) error {
	timed, cancel := context.WithTimeout(ctx, 4*m.cfg.StoreTimeout)
	defer cancel()
	now := time.Now()
	notifications, err := m.cfg.Store.Notifications(timed, m.cfg.Tenant)
	if err != nil {
		return err
	}
	stored, err := m.cfg.Store.Silences(timed, m.cfg.Tenant)
	if err != nil {
		return err
	}
	evaluations, err := m.cfg.Store.Evaluations(timed, m.cfg.Tenant)
	if err != nil {
		return err
	}
	instances, err := m.cfg.Store.Instances(timed, m.cfg.Tenant, now.Add(-rule.ResolvedRetention))
	if err != nil {
		return err
	}
	entries := make([]notify.Entry, len(notifications))
	for i, n := range notifications {
		entries[i] = notify.Entry{
			Key:  notify.Key{Receiver: n.Receiver, Group: n.GroupKey},
			Sent: notify.Delivery(n.Sent), Intent: notify.Delivery(n.Intent),
		}
	}
	silences := make([]notify.Silence, len(stored))
	for i, s := range stored {
		silences[i] = notify.Silence{ID: s.ID, ExpiresAt: s.ExpiresAt, Data: s.Data}
	}
	m.notifier().Restore(entries, silences)
	m.outage.over(m, now)
	m.reloading.Lock()
	defer m.reloading.Unlock()
	m.restoreRules(ctx, instances, evaluations, now)
	return nil
}

// restoreRules gives the rules their instances back and ends those that have
// no rule any more.
func (m *Manager) restoreRules(ctx context.Context, stored []alertstore.Instance, evaluations []alertstore.Evaluation, now time.Time) {
	seen := map[uint64]time.Time{}
	for _, e := range evaluations {
		seen[e.GroupID] = e.At
	}
	byRule := map[uint64][]alertstore.Instance{}
	for _, in := range stored {
		byRule[in.RuleID] = append(byRule[in.RuleID], in)
	}
	restored := 0
	for _, r := range m.rules() {
		rows := byRule[r.id]
		delete(byRule, r.id)
		if len(rows) == 0 || r.alert == nil {
			continue
		}
		r.restore(rows, seen[r.group.id()], now)
		restored += len(rows)
	}
	orphans := 0
	for _, rows := range byRule {
		orphans += m.endOrphans(ctx, rows, now)
	}
	m.storeActive(ctx)
	if restored+orphans > 0 {
		m.log.Info("alert state is restored", "alerts", restored, "resolved_without_rule", orphans)
	}
}

func (r *liveRule) restore(rows []alertstore.Instance, seen, now time.Time) {
	r.mu.Lock()
	for _, row := range rows {
		gap := rule.Gap{
			Seen: seen, Now: now, Interval: r.group.interval,
			Forget: r.group.m.cfg.PendingForget, Grace: r.group.m.cfg.RestoreGrace,
		}
		if row.UpdatedAt.After(gap.Seen) {
			gap.Seen = row.UpdatedAt
		}
		r.keepEvidence(&row)
		r.set.Restore([]rule.Instance{fromRow(&row)}, gap)
	}
	instances := r.set.Instances()
	r.mu.Unlock()
	r.group.m.put(r.notifications(instances, nil, now))
}

func fromRow(row *alertstore.Instance) rule.Instance {
	return rule.Instance{
		Labels: labels.FromMap(row.Labels), Annotations: labels.FromMap(row.Annotations),
		Value: row.Value, State: rule.State(row.State),
		ActiveAt: row.ActiveAt, FiredAt: row.FiredAt, ResolvedAt: row.ResolvedAt, KeepFiringSince: row.KeepFiringSince,
	}
}

// endOrphans resolves the instances of a rule that was removed while nobody
// was running, and answers how many there were.
func (m *Manager) endOrphans(ctx context.Context, rows []alertstore.Instance, now time.Time) int {
	n := 0
	for i := range rows {
		row := &rows[i]
		if row.State == alertstore.Inactive {
			continue
		}
		n++
		g := m.newGroup("", rulefile.Group{Name: row.Group, Language: rulefile.PromQL})
		orphan := &liveRule{id: row.RuleID, group: g, language: g.def.Language, ruleState: &ruleState{}}
		orphan.alert = &rule.Alert{Name: row.Alert}
		orphan.set.Restore([]rule.Instance{fromRow(row)}, rule.Gap{Seen: now, Now: now})
		orphan.retire(ctx, now)
	}
	return n
}

// storeActive stores the present state of all instances that are not over.
func (m *Manager) storeActive(ctx context.Context) {
	var rows []alertstore.Instance
	for _, r := range m.rules() {
		if r.alert == nil {
			continue
		}
		r.mu.Lock()
		for _, in := range r.set.Instances() {
			if in.State != rule.Inactive {
				rows = append(rows, r.row(&in))
			}
		}
		r.mu.Unlock()
	}
	m.journal.Append(ctx, rows, nil)
}

// beat stores when the groups were last evaluated.
func (m *Manager) beat(ctx context.Context) {
	if m.cfg.Store == nil {
		return
	}
	m.mu.RLock()
	var rows []alertstore.Evaluation
	for _, g := range m.groups {
		g.mu.Lock()
		if !g.lastSlot.IsZero() {
			rows = append(rows, alertstore.Evaluation{GroupID: g.id(), Group: g.def.Name, At: g.lastSlot})
		}
		g.mu.Unlock()
	}
	m.mu.RUnlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.StoreTimeout)
	defer cancel()
	if err := m.cfg.Store.PutEvaluations(ctx, m.cfg.Tenant, rows); err != nil {
		m.metrics.storeFailures.Inc()
		m.log.Error("times of evaluation are not stored", "err", err)
	}
}

// recordNotification is Alertmanager's log: the entry first, since the page
// depends on it, then the history.
func (m *Manager) recordNotification(ctx context.Context, e notify.Entry) error {
	err := m.cfg.Store.PutNotification(ctx, m.cfg.Tenant, alertstore.Notification{
		Receiver: e.Key.Receiver, GroupKey: e.Key.Group,
		Sent: alertstore.Delivery(e.Sent), Intent: alertstore.Delivery(e.Intent),
		UpdatedAt: m.cfg.Store.Stamp(),
	})
	if err != nil || e.Sent.ID == "" || e.Intent.ID != "" {
		return err
	}
	// The token keeps one line of history for one notification, however often
	// its entry is written.
	return m.cfg.Store.AppendHistory(ctx, m.cfg.Tenant, string(m.cfg.Tenant)+"/notified/"+e.Sent.ID, []alertstore.Event{{
		Time: e.Sent.At, Kind: alertstore.WasNotified,
		Receiver: e.Key.Receiver, GroupKey: e.Key.Group, NotificationID: e.Sent.ID,
	}})
}

func (m *Manager) recordSilence(ctx context.Context, s notify.Silence) error {
	return m.cfg.Store.PutSilence(ctx, m.cfg.Tenant, alertstore.Silence{
		ID: s.ID, ExpiresAt: s.ExpiresAt, Data: s.Data, UpdatedAt: m.cfg.Store.Stamp(),
	})
}
