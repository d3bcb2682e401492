package alerting

import (
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
)

// outageAlert is the name of an alert that no rule file has.
const outageAlert = "TrefoilStoreUnavailable"

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
