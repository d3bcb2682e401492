package metricexec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/rangecache"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	// unsettled is how long a step is not kept: the row of a series, or of its
	// resource, may be stored a moment after the samples, which alone are counted.
	unsettled = 5 * time.Minute
	// worthKeeping is how many samples a query reads at least whose answer is
	// kept: counting what is stored costs what it costs to read and evaluate about
	// so many (bench promql -shape dashboard).
	worthKeeping = 2_000_000
)

type uncachedKey struct{}

// WithoutCache makes range queries under a context neither use nor fill the cache
// of answers.
func WithoutCache(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncachedKey{}, true)
}

// steps are the times of a range query, Unix milliseconds.
type steps struct{ start, end, step int64 }

// question is a range query that may be answered from the cache.
type question struct {
	tenant         tenant.ID
	language, expr string
	reach          int64 // how long before a step it reads; less than 0 if it cannot be cut into steps
	evaluate       func(steps) (*Result, error)
	observe        func(Stats, error)
}

func (q *question) key(s steps) rangecache.Key {
	return rangecache.Key{Tenant: q.tenant, Language: q.language, Expr: q.expr, Step: s.step, Phase: ((s.start % s.step) + s.step) % s.step}
}

// last is the last step that is not after a time; before start if there is none.
func (s steps) last(until int64) int64 {
	if until = min(until, s.end); until < s.start {
		return s.start - s.step
	}
	return s.start + (until-s.start)/s.step*s.step
}

// count is how many steps there are.
func (s steps) count() int64 {
	if s.end < s.start {
		return 0
	}
	return (s.end-s.start)/s.step + 1
}

// cached evaluates a range query, what is known of its answer from the cache. Not
// ok means that it has to be evaluated as a whole.
func (e *Engine) cached(ctx context.Context, q *question, s steps) (res *Result, ok bool, err error) {
	if e.cache == nil || ctx.Value(uncachedKey{}) != nil || lookbackOf(ctx) > 0 || resolutionOf(ctx) != 0 || stepStatsOf(ctx) || s.start < 0 || q.reach < 0 {
		return nil, false, nil
	}
	s.end = s.last(s.end)
	if !e.gains(s) {
		return nil, false, nil
	}
	key := q.key(s)
	known := e.cache.Get(key)
	if known == nil {
		res, err := q.evaluate(s)
		if err == nil && res.Stats.Samples >= e.worth {
			e.cache.Put(key, &rangecache.Entry{End: -1}) // the next time it is kept
		}
		return res, true, err
	}
	start, from := time.Now(), s.start
	if known.Holds() {
		from = min(from, known.Start)
	}
	var ran []conn.Ran
	var mu sync.Mutex
	held, err := e.config.Held(conn.Traced(ctx, func(r conn.Ran) {
		mu.Lock()
		ran = append(ran, r)
		mu.Unlock()
	}), q.tenant, seriesfind.Clamp(from-q.reach), seriesfind.Clamp(s.end))
	if err != nil {
		return nil, true, fault.Of(err)
	}
	until := s.start - s.step // the last step that the cache has
	if known.Holds() && known.Start <= s.start {
		until = s.last(known.TrueUntil(held))
	}
	rest := steps{until + s.step, s.end, s.step}
	if rest.count() > 0 {
		if res, err = q.evaluate(rest); err != nil {
			return nil, true, err
		}
	} else {
		res = &Result{Query: q.expr, Value: promql.Matrix{}}
		q.observe(Stats{Elapsed: time.Since(start)}, nil)
	}
	fresh, floats := floatsOf(res.Value)
	if !floats {
		if until < s.start {
			return res, true, nil
		}
		res.Close() // half of it would be histograms: no use keeping such
		e.cache.Put(key, &rangecache.Entry{End: -1})
		res, err = q.evaluate(s)
		return res, true, err
	}
	entry := &rangecache.Entry{Start: s.start, Back: q.reach, Matrix: fresh, Annotations: res.Annotations, Held: held}
	if until >= s.start {
		// What lies before is kept too: the same panel is asked for over several ranges.
		entry.Start = known.Start
		entry.Matrix = rangecache.Join(rangecache.Cut(known.Matrix, known.Start, until), fresh)
		entry.Annotations = annotations.Annotations{}
		maps.Copy(entry.Annotations, known.Annotations)
		entry.Annotations.Merge(res.Annotations)
	} else {
		entry.Matrix = rangecache.Join(nil, fresh) // the result's points may be lent again
	}
	res.Value = rangecache.Cut(entry.Matrix, s.start, s.end)
	res.Annotations = entry.Annotations
	res.ran = append(ran, res.ran...)
	res.Stats.Steps, res.Stats.CachedSteps = s.count(), s.count()-rest.count()
	res.Stats.Elapsed = time.Since(start)
	e.config.ObserveCache(res.Stats.Steps, res.Stats.CachedSteps)
	e.keep(key, entry, s)
	return res, true, nil
}

// gains tells whether most of the steps are of hours that are over. Those of the hour
// under way are evaluated each time, and counting what is stored costs more than a few
// of the others.
func (e *Engine) gains(s steps) bool {
	over := steps{s.start, s.last(e.config.Now().Truncate(time.Hour).UnixMilli() - 1), s.step}
	return 2*over.count() >= s.count()
}

// keep puts what of an answer has settled into the cache.
func (e *Engine) keep(key rangecache.Key, entry *rangecache.Entry, s steps) {
	entry.End = s.last(e.config.Now().Add(-unsettled).UnixMilli())
	if most := int64(e.config.Limits.MaxPoints); (entry.End-entry.Start)/s.step >= most {
		entry.Start = entry.End - (most-1)*s.step
	}
	if !entry.Holds() {
		return
	}
	kept := *entry
	kept.Matrix = rangecache.Cut(entry.Matrix, entry.Start, entry.End)
	e.cache.Put(key, &kept)
}

// floatsOf is a matrix without histograms; not ok for anything else.
func floatsOf(v parser.Value) (promql.Matrix, bool) {
	m, ok := v.(promql.Matrix)
	return m, ok && !slices.ContainsFunc(m, func(s promql.Series) bool { return len(s.Histograms) > 0 })
}

// cachedNote says how much of an answer came from the cache.
func (s Stats) cachedNote() string {
	if s.Steps == 0 {
		return ""
	}
	return fmt.Sprintf("cache  -- %d of %d steps\n", s.CachedSteps, s.Steps)
}
