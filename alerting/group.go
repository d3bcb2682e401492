package alerting

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
)

// group is a rule group at work.
type group struct {
	m        *Manager
	file     string
	def      rulefile.Group
	interval time.Duration
	offset   time.Duration
	rules    []*liveRule
	levels   [][]int // of rules, see rulefile.Group

	cancel context.CancelFunc // nil until it runs
	done   chan struct{}

	mu       sync.Mutex
	lastEval time.Time // when the last evaluation began
	duration time.Duration
	lastSlot time.Time // the time it was for
}

func (m *Manager) newGroup(file string, def rulefile.Group) *group {
	g := &group{m: m, file: file, def: def, interval: def.Interval, offset: m.cfg.QueryOffset, levels: def.Levels}
	if g.interval == 0 {
		g.interval = m.cfg.EvaluationInterval
	}
	if def.QueryOffset != nil {
		g.offset = *def.QueryOffset
	}
	return g
}

// key names a group in metrics and logs.
func (g *group) key() string { return g.file + ";" + g.def.Name }

func (g *group) id() uint64 { return stableID(g.key()) }

// same says whether a group of a reloaded file is this one, unchanged.
func (g *group) same(file string, def rulefile.Group) bool {
	a, b := g.def, def
	a.Line, b.Line = 0, 0
	a.Rules, b.Rules = withoutLines(a.Rules), withoutLines(b.Rules)
	return g.file == file && reflect.DeepEqual(a, b)
}

func withoutLines(rules []rulefile.Rule) []rulefile.Rule {
	out := make([]rulefile.Rule, len(rules))
	for i, r := range rules {
		r.Line, r.Source = 0, ""
		out[i] = r
	}
	return out
}

// start runs the group until it is stopped or the context ends.
func (g *group) start(ctx context.Context) {
	ctx, g.cancel = context.WithCancel(ctx)
	g.done = make(chan struct{})
	go func() {
		defer close(g.done)
		g.run(ctx)
	}()
}

// stop ends the group's goroutine and waits for it.
func (g *group) stop() {
	if g.cancel == nil {
		return
	}
	g.cancel()
	<-g.done
}

// run evaluates at the group's slots: times an interval apart, shifted by the
// group's id so that groups do not come all at once, and the same after every
// restart.
func (g *group) run(ctx context.Context) {
	next := nextSlot(g.id(), g.interval, time.Now())
	for sleepUntil(ctx, next) {
		g.m.metrics.iterations.WithLabelValues(g.key()).Inc()
		g.evaluate(ctx, next)
		next = next.Add(g.interval)
		if late := time.Since(next); late >= g.interval {
			missed := late / g.interval
			next = next.Add(missed * g.interval)
			g.m.metrics.missed.WithLabelValues(g.key()).Add(float64(missed))
			g.m.metrics.iterations.WithLabelValues(g.key()).Add(float64(missed))
			g.m.log.Warn("rule group is too slow for its interval", "group", g.key(), "interval", g.interval, "missed", int(missed))
		}
	}
}

// evaluate runs the rules for one time: level by level, so that a rule reads
// what those before it have recorded, and within a level side by side.
func (g *group) evaluate(ctx context.Context, at time.Time) {
	if !g.m.certain() {
		g.m.uncertain(g, at)
		return
	}
	began := time.Now()
	settled := at // what must be stored: first all that came before the slot
	for n, level := range g.levels {
		if !g.settle(ctx, settled) {
			return
		}
		outcomes, ok := g.evaluateLevel(g.ahead(ctx, n, at), level, at)
		if g.m.confirm(ctx) != nil {
			return // Another process has evaluated this, and has its own outcomes.
		}
		g.commit(ctx, at, outcomes)
		if !ok {
			return
		}
		for _, o := range outcomes {
			o.finish()
		}
		settled = time.Now() // then what this level has recorded
	}
	took := time.Since(began)
	g.m.metrics.lastDuration.WithLabelValues(g.key()).Set(took.Seconds())
	g.m.metrics.lastEvaluation.WithLabelValues(g.key()).Set(float64(began.UnixNano()) / 1e9)
	g.mu.Lock()
	g.lastEval, g.duration, g.lastSlot = began, took, at
	g.mu.Unlock()
}

// evaluateLevel runs rules side by side; not ok when the context ended before
// all were through.
func (g *group) evaluateLevel(ctx context.Context, level []int, at time.Time) (outcomes []*outcome, ok bool) {
	all := make([]*outcome, len(level))
	var running sync.WaitGroup
	for k, i := range level {
		select {
		case g.m.slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		running.Go(func() {
			defer func() { <-g.m.slots }()
			all[k] = g.rules[i].evaluate(ctx, at)
		})
	}
	running.Wait()
	return slices.DeleteFunc(all, func(o *outcome) bool { return o == nil }), ctx.Err() == nil
}

// commit carries out what evaluations have come to, in the order that makes a
// restart quiet: the state is stored, receivers are told, series are recorded.
func (g *group) commit(ctx context.Context, at time.Time, outcomes []*outcome) {
	var (
		rows    []alertstore.Instance
		events  []alertstore.Event
		alerts  []notify.Alert
		samples promql.Vector
	)
	for _, o := range outcomes {
		g.m.metrics.changes.WithLabelValues(g.key()).Add(float64(len(o.changes)))
		rows = append(rows, o.rule.rows(o.changes)...)
		events = append(events, o.rule.events(o.changes, at)...)
		alerts = append(alerts, o.rule.notifications(o.instances, o.changes, at)...)
		samples = append(samples, o.samples...)
	}
	g.m.journal.Append(ctx, rows, events)
	g.m.put(alerts)
	if len(samples) == 0 || g.record(ctx, samples) == nil || ctx.Err() != nil {
		return
	}
	// Which rule's samples are refused shows when each is written by itself;
	// what was taken before does no harm a second time.
	for _, o := range outcomes {
		if len(o.samples) > 0 {
			o.err = errors.Join(o.err, g.record(ctx, o.samples))
		}
	}
}

func (g *group) record(ctx context.Context, samples promql.Vector) error {
	ctx, cancel := context.WithTimeout(ctx, g.m.cfg.EvaluationTimeout)
	defer cancel()
	if err := g.m.cfg.Record(ctx, g.m.cfg.Tenant, samples); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// settlePoll is how often it is asked whether everything is stored.
const settlePoll = 50 * time.Millisecond

// settle waits until what came in before a time is stored, within its bound;
// false when the context ended.
func (g *group) settle(ctx context.Context, before time.Time) bool {
	if g.m.cfg.Settled == nil {
		return ctx.Err() == nil
	}
	deadline := time.Now().Add(min(g.m.cfg.SettleTimeout, g.interval/2))
	for g.m.cfg.Settled().Before(before) {
		if time.Now().After(deadline) {
			g.m.metrics.unsettled.WithLabelValues(g.key()).Inc()
			break
		}
		if !sleepUntil(ctx, time.Now().Add(settlePoll)) {
			return false
		}
	}
	return ctx.Err() == nil
}

// sleepUntil pauses; it answers false when the context ended.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
