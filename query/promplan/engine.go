package promplan

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// Engine evaluates PromQL like Prometheus's engine, whose interface it has:
// what can be planned on the grid, the rest by Prometheus's engine itself. It is
// safe for concurrent use.
type Engine struct {
	opts    promql.EngineOpts
	prom    *promql.Engine
	plans   Options
	columns column.Pool
}

var _ promql.QueryEngine = (*Engine)(nil)

// NewEngine makes an engine. Of the options, logging and the tracking of active
// queries concern only what Prometheus's engine evaluates.
func NewEngine(o promql.EngineOpts) *Engine {
	return &Engine{opts: o, prom: promql.NewEngine(o), plans: Options{
		Lookback: o.LookbackDelta, NoStep: o.NoStepSubqueryIntervalFn, Starts: o.UseStartTimestamps, Delayed: o.EnableDelayedNameRemoval,
		TypeLabels: o.EnableTypeAndUnitLabels, Parse: o.Parser.ParseExpr,
	}}
}

// NewInstantQuery makes a query at one time. A queryable that is a
// grideval.Source is read as one.
func (e *Engine) NewInstantQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	theirs, err := e.prom.NewInstantQuery(ctx, q, opts, text, at)
	if err != nil {
		return nil, err
	}
	return e.query(q, opts, text, theirs, at, at, 0)
}

// NewRangeQuery makes a query at every step of a range.
func (e *Engine) NewRangeQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, start, end time.Time, step time.Duration) (promql.Query, error) {
	theirs, err := e.prom.NewRangeQuery(ctx, q, opts, text, start, end, step)
	if err != nil {
		return nil, err
	}
	return e.query(q, opts, text, theirs, start, end, step)
}

func (e *Engine) query(q storage.Queryable, opts promql.QueryOpts, text string, theirs promql.Query, start, end time.Time, step time.Duration) (promql.Query, error) {
	if opts != nil && opts.EnablePerStepStats() && e.opts.EnablePerStepStats {
		return &Query{Query: theirs, plan: &metricplan.Foreign{Query: text, Why: "samples are to be counted step by step"}}, nil
	}
	expr, err := e.opts.Parser.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	if expr, err = promql.PreprocessExpr(expr, start, end, step); err != nil {
		return nil, err
	}
	plans := e.plans
	if opts != nil && opts.LookbackDelta() > 0 {
		plans.Lookback = opts.LookbackDelta()
	}
	if opts != nil && opts.UseStartTimestamps() != nil {
		plans.Starts = *opts.UseStartTimestamps()
	}
	plan := plans.Build(text, expr)
	if _, foreign := plan.(*metricplan.Foreign); foreign {
		return &Query{Query: theirs, plan: plan}, nil
	}
	return &Query{
		Query: theirs, engine: e, queryable: q, opts: opts, text: text, kind: expr.Type(), plan: plan, plans: plans,
		grid: column.GridOf(timestamp.FromTime(start), timestamp.FromTime(end), step.Milliseconds()), instant: step == 0,
	}, nil
}

// Query is one query. Prometheus's own, made of the same text, stands behind
// it for what does not depend on who evaluates.
type Query struct {
	promql.Query
	engine    *Engine // nil if Prometheus's engine evaluates all of it
	queryable storage.Queryable
	opts      promql.QueryOpts
	text      string
	kind      parser.ValueType
	plan      metricplan.Node
	plans     Options
	grid      column.Grid
	instant   bool
	notes     map[metricplan.Node]grideval.Note
	cancel    context.CancelFunc
}

// Cancel ends an evaluation under way.
func (q *Query) Cancel() {
	if q.cancel != nil {
		q.cancel()
	}
	q.Query.Cancel()
}

// Explain prints the plan, and after Exec what each node came to.
func (q *Query) Explain() string {
	return grideval.Explain(q.plan, q.notes)
}

// Exec evaluates the query.
func (q *Query) Exec(ctx context.Context) *promql.Result {
	if q.engine == nil {
		return q.Query.Exec(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, q.engine.opts.Timeout)
	q.cancel = cancel
	defer cancel()
	timer, ctx := q.Stats().Timers.GetSpanTimer(ctx, stats.ExecTotalTime)
	defer timer.Finish()
	source, ok := q.queryable.(grideval.Source)
	if !ok {
		source = &fromQueryable{queryable: q.queryable}
	}
	c := grideval.Config{
		Source: source, Lookback: q.plans.Lookback, Delayed: q.engine.opts.EnableDelayedNameRemoval,
		MaxCells: int64(q.engine.opts.MaxSamples), Foreign: q.foreign, Columns: &q.engine.columns,
		Resolution: resolutionOf(q.opts).Milliseconds(),
	}
	res, err := c.Eval(ctx, q.plan, q.grid)
	q.notes = res.Notes
	if s := q.Stats().Samples; s != nil {
		s.PeakSamples = int(res.Peak)
	}
	out := &promql.Result{Warnings: res.Annotations}
	if err != nil {
		out.Err = ended(ctx, err)
		return out
	}
	switch {
	case res.Text != nil:
		out.Value = promql.String{V: res.Text.Value, T: q.grid.Start}
	case !q.instant:
		out.Value = grideval.Matrix(res.Series, q.grid)
	case q.kind == parser.ValueTypeScalar:
		out.Value = promql.Scalar{V: res.Series[0].Values[0], T: q.grid.Start}
	default:
		out.Value = grideval.Vector(res.Series, q.grid)
	}
	return out
}

// ended words an error as Prometheus's engine does.
func ended(ctx context.Context, err error) error {
	switch ctx.Err() {
	case context.Canceled:
		return promql.ErrQueryCanceled("query execution")
	case context.DeadlineExceeded:
		return promql.ErrQueryTimeout("query execution")
	}
	return err
}

// foreign evaluates a part of the plan by Prometheus's engine.
func (q *Query) foreign(ctx context.Context, n *metricplan.Foreign, g column.Grid) ([]column.Series, annotations.Annotations, error) {
	var (
		query promql.Query
		err   error
	)
	start, end := timestamp.Time(g.Start), timestamp.Time(g.End())
	if g.Instant() {
		query, err = q.engine.prom.NewInstantQuery(ctx, q.queryable, q.opts, n.Query, start)
	} else {
		query, err = q.engine.prom.NewRangeQuery(ctx, q.queryable, q.opts, n.Query, start, end, time.Duration(g.Step)*time.Millisecond)
	}
	if err != nil {
		return nil, nil, err
	}
	res := query.Exec(ctx)
	if res.Err != nil {
		return nil, res.Warnings, res.Err
	}
	var out []column.Series
	switch v := res.Value.(type) {
	case promql.Matrix:
		out = grideval.FromMatrix(v, g)
	case promql.Vector:
		for _, s := range v {
			c := column.New(s.Metric, 1)
			c.DropName = s.DropName
			c.Set(0, s.F, s.H)
			out = append(out, c)
		}
	case promql.Scalar:
		out = []column.Series{column.Constant(v.V, 1)}
	}
	return out, res.Warnings, nil
}
