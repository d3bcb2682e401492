package alerting

import (
	"context"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/query/language"
)

// stagger is how far apart the slots of groups are at least: those of one slot
// read together, and a read costs the store more than what it yields.
const stagger = 3 * time.Second

// nextSlot is the first slot of a group after a time. Slots are an interval
// apart and the same after every restart; groups are spread over the interval
// by their ids, in steps.
func nextSlot(id uint64, interval time.Duration, now time.Time) time.Time {
	shift := slotShift(id, interval)
	since := (now.UnixNano() - shift) % int64(interval)
	return time.Unix(0, now.UnixNano()-since+int64(interval)).UTC()
}

func slotShift(id uint64, interval time.Duration) int64 {
	steps := uint64(max(1, interval/stagger))
	return int64(id%steps) * int64(interval) / int64(steps)
}

// due says whether a time is one of the group's slots.
func (g *group) due(at time.Time) bool {
	return (at.UnixNano()-slotShift(g.id(), g.interval))%int64(g.interval) == 0
}

// rounds are the slots at which groups are evaluated right now.
type rounds struct {
	mu sync.Mutex
	at map[int64]*round
}

// round is one slot. Whoever of its groups comes first reads for all.
type round struct {
	once  sync.Once
	ahead func(context.Context) context.Context // see Config.Ahead
	left  int                                   // groups that have not come yet
}

// join answers the round of a slot, which is forgotten when all of its groups
// have come, or would have.
func (r *rounds) join(at time.Time, groups func() int) *round {
	const late = 5 * time.Minute
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[int64]*round{}
	}
	key := at.UnixNano()
	found := r.at[key]
	if found == nil {
		for other := range r.at {
			if key-other > int64(late) {
				delete(r.at, other)
			}
		}
		found = &round{left: groups()}
		r.at[key] = found
	}
	if found.left--; found.left <= 0 {
		delete(r.at, key)
	}
	return found
}

// ahead answers a context under which the rules of a level find what they read
// already read. The first levels of all groups of one slot read together; a
// later one reads what those before it have recorded.
func (g *group) ahead(ctx context.Context, level int, at time.Time) context.Context {
	m := g.m
	if m.cfg.Ahead == nil {
		return ctx
	}
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.EvaluationTimeout)
	defer cancel()
	if level > 0 {
		return m.cfg.Ahead(timed, m.cfg.Tenant, g.queries(level, at))(ctx)
	}
	round := m.rounds.join(at, func() int { return len(m.dueAt(at)) })
	round.once.Do(func() {
		var queries []language.Query
		for _, other := range m.dueAt(at) {
			queries = append(queries, other.queries(0, at)...)
		}
		round.ahead = m.cfg.Ahead(timed, m.cfg.Tenant, queries)
	})
	return round.ahead(ctx)
}

// dueAt are the groups at work that are evaluated at a time.
func (m *Manager) dueAt(at time.Time) []*group {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var due []*group
	for _, g := range m.groups {
		if len(g.levels) > 0 && g.due(at) {
			due = append(due, g)
		}
	}
	return due
}

// queries are what the rules of a level ask.
func (g *group) queries(level int, at time.Time) []language.Query {
	var out []language.Query
	for _, i := range g.levels[level] {
		r := g.rules[i]
		expr := ""
		if r.alert != nil {
			expr = r.alert.Expr
		} else {
			expr = r.record.Expr
		}
		out = append(out, language.Query{Language: string(r.language), Text: expr, At: at.Add(-g.offset)})
	}
	return out
}
