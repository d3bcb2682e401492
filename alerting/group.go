package alerting

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
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
	began := time.Now()
	settled := at // what must be stored: first all that came before the slot
	for _, level := range g.levels {
		if !g.settle(ctx, settled) {
			return
		}
		var running sync.WaitGroup
		for _, i := range level {
			select {
			case g.m.slots <- struct{}{}:
			case <-ctx.Done():
				running.Wait()
				return
			}
			running.Go(func() {
				defer func() { <-g.m.slots }()
				g.rules[i].evaluate(ctx, at)
			})
		}
		running.Wait()
		settled = time.Now() // then what this level has recorded
	}
	took := time.Since(began)
	g.m.metrics.lastDuration.WithLabelValues(g.key()).Set(took.Seconds())
	g.m.metrics.lastEvaluation.WithLabelValues(g.key()).Set(float64(began.UnixNano()) / 1e9)
	g.mu.Lock()
	g.lastEval, g.duration, g.lastSlot = began, took, at
	g.mu.Unlock()
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

// nextSlot is the first slot after a time.
func nextSlot(id uint64, interval time.Duration, now time.Time) time.Time {
	shift := int64(id % uint64(interval))
	since := (now.UnixNano() - shift) % int64(interval)
	return time.Unix(0, now.UnixNano()-since+int64(interval)).UTC()
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
