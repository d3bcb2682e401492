package notify

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

// batch are alerts of one Put that go to one group.
type batch struct {
	at     time.Time
	alerts map[model.Fingerprint]bool
}

// batchLife is how long a group's first notification can come after the Put
// that made the group, GroupWait apart. Then the group has long taken them in.
const batchLife = 10 * time.Second

// remember notes which groups new alerts belong to. Alertmanager takes alerts
// in one by one, and a group whose wait is over (always, when there is none)
// tells of the first of them before the others have arrived. The caller holds
// a.mu.
func (a *Alertmanager) remember(routes *dispatch.Route, fresh []*amalert.Alert) {
	now := time.Now()
	for key, b := range a.batches {
		if now.Sub(b.at) > batchLife {
			delete(a.batches, key)
		}
	}
	if len(fresh) < 2 {
		return
	}
	for _, alert := range fresh {
		for _, route := range routes.Match(alert.Labels) {
			key := route.Key() + ":" + groupLabels(alert, route).String()
			b := a.batches[key]
			if b == nil {
				b = &batch{at: now, alerts: map[model.Fingerprint]bool{}}
				a.batches[key] = b
			}
			b.alerts[alert.Fingerprint()] = true
		}
	}
}

func groupLabels(alert *amalert.Alert, route *dispatch.Route) model.LabelSet {
	out := model.LabelSet{}
	for name, value := range alert.Labels {
		if _, ok := route.RouteOpts.GroupBy[name]; ok || route.RouteOpts.GroupByAll {
			out[name] = value
		}
	}
	return out
}

// whole is the stage that completes a group's first notification with the
// alerts that were put together with those it has.
func (a *Alertmanager) whole(ctx context.Context, _ *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	if flush, _ := amnotify.FlushID(ctx); flush != 1 {
		return ctx, alerts, nil
	}
	group, _ := amnotify.GroupKey(ctx)
	a.mu.Lock()
	var together []model.Fingerprint
	if b := a.batches[group]; b != nil {
		together = slices.Collect(maps.Keys(b.alerts))
	}
	a.mu.Unlock()
	have := make(map[model.Fingerprint]bool, len(alerts))
	for _, alert := range alerts {
		have[alert.Fingerprint()] = true
	}
	for _, fp := range together {
		if have[fp] {
			continue
		}
		if alert, err := a.alerts.Get(fp); err == nil && !alert.Resolved() {
			late := *alert
			late.EndsAt = time.Time{}
			alerts = append(alerts, &late)
		}
	}
	sort.Stable(amalert.AlertSlice(alerts))
	return ctx, alerts, nil
}
