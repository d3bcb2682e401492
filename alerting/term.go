package alerting

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/trefoil-o11y/trefoil/alerting/election"
)

// errStandby answers who asks this process for what another one knows.
var errStandby = errors.New("another instance evaluates the alert rules")

// Run evaluates and notifies until the context ends, in the terms in which this
// process is in charge: all the time unless there is an election. It returns
// nil after an orderly stop.
func (m *Manager) Run(ctx context.Context) error {
	var background sync.WaitGroup
	defer background.Wait()
	background.Go(func() { m.watch(ctx) })
	if m.cfg.Election == nil {
		return m.lead(ctx)
	}
	for {
		m.standby.Store(true)
		term, err := m.cfg.Election.Await(ctx)
		if err != nil {
			return nil // the context's end
		}
		m.term.Store(term)
		m.standby.Store(false)
		m.metrics.leading.Set(1)
		m.log.Info("this instance evaluates the alert rules")
		err = m.lead(term.Context())
		m.metrics.leading.Set(0)
		if !errors.Is(context.Cause(term.Context()), election.ErrLost) {
			return errors.Join(err, term.Resign(ctx))
		}
		m.standby.Store(true)
		if err := errors.Join(err, m.forget()); err != nil {
			return err
		}
	}
}

// lead restores the state, then evaluates and notifies until the context ends.
// While the store cannot be read it waits: evaluating without the state would
// page again.
func (m *Manager) lead(ctx context.Context) error {
	if err := m.restore(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var dispatching sync.WaitGroup
	dispatching.Go(func() { m.notifier().Run(ctx) })
	dispatching.Go(func() { m.maintenance.Run(ctx) })
	m.reloading.Lock()
	m.mu.Lock()
	m.ctx = ctx
	groups := m.groups
	m.mu.Unlock()
	for _, g := range groups {
		g.start(ctx)
	}
	m.reloading.Unlock()

	m.keepAlive(ctx)

	m.reloading.Lock()
	defer m.reloading.Unlock()
	m.mu.Lock()
	m.ctx = nil
	groups = m.groups
	m.mu.Unlock()
	for _, g := range groups {
		g.stop()
	}
	dispatching.Wait()
	if m.lost() {
		return nil // What is not stored is somebody else's now.
	}
	m.journal.Flush(ctx)
	m.beat(ctx)
	return nil
}

// forget makes the manager as it was before it restored the state, which
// another process goes on with. The rules and the configuration of
// notifications in force stay.
func (m *Manager) forget() error {
	fresh, err := m.notifier().Successor()
	if err != nil {
		return err
	}
	m.alertmanager.Store(fresh)
	if err := fresh.Reload(); err != nil { // in case the file was read while they changed places
		m.log.Error("Alertmanager's configuration is not read again", "err", err)
	}
	m.journal.Forget()
	m.reloading.Lock()
	defer m.reloading.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outage = &outage{}
	groups := make([]*group, len(m.groups))
	for i, g := range m.groups {
		groups[i] = m.newGroup(g.file, g.def)
		for k, r := range g.rules {
			groups[i].rules = append(groups[i].rules, newRule(r.id, groups[i], r.language, &g.def.Rules[k]))
		}
	}
	m.groups = groups
	return nil
}

// certain says whether this process is surely in charge: if not, it neither
// evaluates nor stores.
func (m *Manager) certain() bool {
	term := m.term.Load()
	return m.cfg.Election == nil || term != nil && term.Certain()
}

// confirm is nil unless another process is in charge.
func (m *Manager) confirm(ctx context.Context) error {
	if term := m.term.Load(); m.cfg.Election != nil && term != nil {
		return term.Confirm(ctx)
	}
	return nil
}

func (m *Manager) lost() bool {
	term := m.term.Load()
	return term != nil && errors.Is(context.Cause(term.Context()), election.ErrLost)
}

// uncertain takes the place of an evaluation while this process cannot know
// whether it is in charge: the store is away, which is an alert of its own.
func (m *Manager) uncertain(g *group, at time.Time) {
	m.metrics.missed.WithLabelValues(g.key()).Inc()
	m.outage.away(m, at)
}

// latest shows the metrics of the Alertmanager at work, of which there is a
// new one in each term.
type latest struct {
	at atomic.Pointer[prometheus.Registry]
}

// Describe answers nothing: what is collected changes.
func (l *latest) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (l *latest) Collect(ch chan<- prometheus.Metric) {
	if reg := l.at.Load(); reg != nil {
		reg.Collect(ch)
	}
}
