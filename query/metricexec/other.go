package metricexec

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Other is a query of a language other than PromQL, whose vectors are lenient and
// which has no native histograms.
type Other struct {
	Language, Expr string
	// Observe is told of each evaluation.
	Observe func(Stats, error)
	// Plan is the plan for a grid; end is that of the query, which need not be a step.
	Plan func(g column.Grid, end int64) (metricplan.Node, error)
	// Value is the answer, of the series that the plan came to.
	Value func(found []column.Series, g column.Grid) (parser.Value, error)
}

// On evaluates a query on a grid. Errors are *fault.Error.
func (e *Engine) On(ctx context.Context, t tenant.ID, q *Other, g column.Grid, end int64) (*Result, error) {
	plan, err := q.Plan(g, end)
	return e.planned(ctx, t, q, g, plan, err)
}

// planned evaluates the plan of a query, or tells why there is none.
func (e *Engine) planned(ctx context.Context, t tenant.ID, q *Other, g column.Grid, plan metricplan.Node, failed error) (*Result, error) {
	return e.other(ctx, t, q, func(ctx context.Context, source *classic, res *Result) (err error) {
		if res.plan = plan; failed != nil {
			return failed
		}
		c := grideval.Config{
			Source: source, Lookback: e.config.Lookback, Lenient: true, MaxCells: int64(e.config.Limits.MaxSamples),
			Columns: &e.columns, Resolution: resolutionOf(ctx).Milliseconds(),
		}
		found, err := c.Eval(ctx, res.plan, g)
		res.notes, res.Annotations = found.Notes, found.Annotations
		if err == nil {
			res.Value, err = q.Value(found.Series, g)
		}
		return err
	})
}

// Steps evaluates a query at start, start+step, … up to end; what is known of the
// answer is taken from the cache. Errors are *fault.Error.
func (e *Engine) Steps(ctx context.Context, t tenant.ID, q *Other, start, end time.Time, step time.Duration) (*Result, error) {
	s, err := e.steps(start, end, step)
	if err != nil {
		return nil, err
	}
	reach := int64(-1)
	plan, failed := q.Plan(s.grid(), s.end)
	if failed == nil {
		reach = metricplan.Reach(plan)
	}
	return e.keptOr(ctx, &question{
		tenant: t, language: q.Language, expr: q.Expr, reach: reach, observe: q.Observe,
		evaluate: func(some steps) (*Result, error) {
			if some == s {
				return e.planned(ctx, t, q, s.grid(), plan, failed)
			}
			return e.On(ctx, t, q, some.grid(), some.end)
		},
	}, s)
}

func (s steps) grid() column.Grid { return column.GridOf(s.start, s.end, s.step) }

// Samples are those of a selector in [from,to], Unix ms, as a matrix. Errors are
// *fault.Error.
func (e *Engine) Samples(ctx context.Context, t tenant.ID, q *Other, s *metricplan.Selector, from, to int64) (*Result, error) {
	return e.other(ctx, t, q, func(ctx context.Context, source *classic, res *Result) (err error) {
		var mu sync.Mutex
		found := map[int]promql.Series{}
		res.Annotations, err = source.Select(ctx, grideval.Read{Selector: s, From: from, To: to}, func(place int, raw *column.Raw) error {
			raw.WithoutStale()
			points := make([]promql.FPoint, len(raw.Times))
			for i, t := range raw.Times {
				points[i] = promql.FPoint{T: t, F: raw.Values[i]}
			}
			mu.Lock()
			defer mu.Unlock()
			if len(points) > 0 {
				found[place] = promql.Series{Metric: raw.Labels, Floats: points}
			}
			return nil
		})
		m := make(promql.Matrix, 0, len(found))
		for _, place := range slices.Sorted(maps.Keys(found)) {
			m = append(m, found[place])
		}
		res.Value = m
		return err
	})
}

// other evaluates with all that surrounds it: the limits, what was read, and what it
// took.
func (e *Engine) other(ctx context.Context, t tenant.ID, q *Other, eval func(context.Context, *classic, *Result) error) (*Result, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, e.config.Limits.Timeout)
	defer cancel()
	source := newClassic(e.queryable(t))
	res := &Result{Query: q.Expr}
	var mu sync.Mutex
	err := eval(conn.Traced(ctx, func(r conn.Ran) {
		mu.Lock()
		res.ran = append(res.ran, r)
		mu.Unlock()
	}), source, res)
	res.Stats = Stats{Series: source.budget.series.Load(), Samples: source.budget.samples.Load(), Elapsed: time.Since(start)}
	if f := fault.Of(err); f != nil {
		q.Observe(res.Stats, f)
		return nil, f
	}
	q.Observe(res.Stats, nil)
	return res, nil
}
