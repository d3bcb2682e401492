package metricexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/query/promplan"
	"github.com/trefoil-o11y/trefoil/query/rangecache"
	"github.com/trefoil-o11y/trefoil/query/readahead"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/recent"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Limits bound one query.
type Limits struct {
	Timeout    time.Duration // of an evaluation; default 30 s
	MaxSamples int           // read from storage, and held by the evaluator; default 20 million
	MaxSeries  int           // touched by all selectors together; default 100,000
	MaxPoints  int           // per series of a range query; default 11,000
}

func (l *Limits) setDefaults() {
	if l.Timeout <= 0 {
		l.Timeout = 30 * time.Second
	}
	if l.MaxSamples <= 0 {
		l.MaxSamples = 20_000_000
	}
	if l.MaxSeries <= 0 {
		l.MaxSeries = 100_000
	}
	if l.MaxPoints <= 0 {
		l.MaxPoints = 11_000
	}
}

// Config configures an Engine.
type Config struct {
	Source Source
	// Maker makes series of names under which none is stored; nil makes none.
	Maker   *Maker
	Rollups Rollups // nil means that there are none
	Logger  *slog.Logger
	Limits  Limits
	// Promote lists the resource attributes that are labels of every series
	// beside job and instance; service.name by default. An empty, non-nil list
	// promotes nothing.
	Promote []string
	// Observe is told of every evaluation that was tried; nil for nobody. The
	// error is nil or a *fault.Error.
	Observe func(Stats, error)
	// Held counts how many samples and histograms of a tenant are stored, by the
	// hour from the one of from to the one of to, Unix ms. Nil means that no
	// answers are kept.
	Held func(ctx context.Context, t tenant.ID, from, to int64) (map[int64]uint64, error)
	// CacheBytes bounds the answers of range queries that are kept; 0 keeps none.
	CacheBytes int64
	// ObserveCache is told how many steps of a range query were looked for in the
	// cache, and how many it had; nil for nobody.
	ObserveCache func(asked, had int64)
	Now          func() time.Time
	// Lookback is how old the last sample of a series may be; default 5 min.
	Lookback time.Duration
	Features promexpr.Features
}

func (c *Config) setDefaults() {
	c.Limits.setDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Promote == nil {
		c.Promote = []string{"service.name"}
	}
	if c.Observe == nil {
		c.Observe = func(Stats, error) {}
	}
	if c.Lookback <= 0 {
		c.Lookback = 5 * time.Minute
	}
	if c.Held == nil {
		c.CacheBytes = 0
	}
	if c.ObserveCache == nil {
		c.ObserveCache = func(int64, int64) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Engine evaluates PromQL. It is safe for concurrent use.
type Engine struct {
	config Config
	parser promexpr.Parser
	promql *promplan.Engine
	series *seriesfind.Memory

	factsMu sync.Mutex
	facts   *recent.Map[string, promexpr.Facts] // of expressions

	columns column.Pool       // of other languages than PromQL
	cache   *rangecache.Cache // nil keeps nothing
	worth   int64             // samples a query reads at least whose answer is kept
}

// New makes an engine.
func New(c Config) *Engine {
	c.setDefaults()
	p := promexpr.NewParser(c.Features)
	return &Engine{
		config: c,
		parser: p,
		series: seriesfind.NewMemory(),
		facts:  recent.New[string, promexpr.Facts](knownExprs, nil),
		cache:  rangecache.New(c.CacheBytes),
		worth:  worthKeeping,
		promql: promplan.NewEngine(promql.EngineOpts{
			Logger:                   c.Logger,
			MaxSamples:               c.Limits.MaxSamples,
			Timeout:                  c.Limits.Timeout,
			LookbackDelta:            c.Lookback,
			EnableAtModifier:         true,
			EnablePerStepStats:       true, // of queries that ask for it
			EnableNegativeOffset:     true,
			EnableDelayedNameRemoval: c.Features.DelayedNameRemoval,
			UseStartTimestamps:       c.Features.StartTimestamps,
			NoStepSubqueryIntervalFn: func(int64) int64 { return promexpr.DefaultSubqueryStep.Milliseconds() },
			Parser:                   p,
		}),
	}
}

// Parser is the parser the engine uses.
func (e *Engine) Parser() promexpr.Parser { return e.parser }

// Features are the parts of PromQL that are on.
func (e *Engine) Features() promexpr.Features { return e.config.Features }

// MaxPoints is how many points a series of a range query may have.
func (e *Engine) MaxPoints() int { return e.config.Limits.MaxPoints }

// Result is what an evaluation came to. Close it when Value is no longer used.
type Result struct {
	Value       parser.Value
	Annotations annotations.Annotations // warnings and infos
	Stats       Stats
	Query       string
	// Plan says how an engine of another language made the result, a line a step.
	Plan  []string
	query promql.Query
	plan  metricplan.Node // of another language than PromQL
	notes map[metricplan.Node]grideval.Note
	ran   []conn.Ran
}

// Explanation says how a query was evaluated.
type Explanation struct {
	// Plan is one line a node, with the series it came to and the time it took,
	// or what Prometheus's engine evaluated and why.
	Plan    string
	Selects []conn.Ran // the reads of storage
}

// Explain says how the result came about.
func (r *Result) Explain() Explanation {
	out := Explanation{Selects: r.ran}
	if q, ok := r.query.(interface{ Explain() string }); ok {
		out.Plan = q.Explain()
	}
	if r.plan != nil {
		out.Plan = grideval.Explain(r.plan, r.notes)
	}
	for _, line := range r.Plan {
		out.Plan += line + "\n"
	}
	out.Plan = r.Stats.cachedNote() + out.Plan
	return out
}

// Timings is where the evaluator spent its time, as Prometheus's API shows it.
// It is nil of results that another evaluator made.
func (r *Result) Timings() stats.QueryStats {
	if r.query == nil {
		return nil
	}
	return stats.NewQueryStats(r.query.Stats())
}

// Close gives the result's memory back.
func (r *Result) Close() {
	if r != nil && r.query != nil {
		r.query.Close()
	}
}

// Stats is what an evaluation cost.
type Stats struct {
	Series  int64 // touched, per selector
	Samples int64 // read from storage
	Elapsed time.Duration
	// Steps of a range query that the cache was asked about, and how many of them
	// it had.
	Steps, CachedSteps int64
}

// Instant evaluates an expression at one time. Errors are *fault.Error.
func (e *Engine) Instant(ctx context.Context, t tenant.ID, expr string, at time.Time) (*Result, error) {
	q := e.spelled(t, expr)
	if q.ahead = readahead.Of(ctx, t); q.ahead != nil {
		q.points = q.ahead.Points(q.points)
	}
	query, err := e.promql.NewInstantQuery(ctx, q, optsOf(ctx), expr, at)
	return e.exec(ctx, q, query, expr, err)
}

// Range evaluates an expression at start, start+step, … up to end. Errors are
// *fault.Error.
func (e *Engine) Range(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*Result, error) {
	s, err := e.steps(start, end, step)
	if err != nil {
		return nil, err
	}
	return e.keptOr(ctx, &question{
		tenant: t, expr: expr, reach: e.factsOf(expr).Reach, observe: e.config.Observe,
		evaluate: func(s steps) (*Result, error) { return e.evaluate(ctx, t, expr, s) },
	}, s)
}

// steps are those of a range query, if it may have them.
func (e *Engine) steps(start, end time.Time, step time.Duration) (steps, error) {
	switch {
	case step < time.Millisecond:
		return steps{}, fault.Param("step", errors.New("is shorter than a millisecond"))
	case end.Before(start):
		return steps{}, fault.Param("end", errors.New("is before start"))
	case end.Sub(start)/step > time.Duration(e.config.Limits.MaxPoints):
		return steps{}, &fault.Error{Code: fault.Limit, Limit: "max_points", Param: "step", Message: fmt.Sprintf(
			"more than %d points per series; use a longer step", e.config.Limits.MaxPoints)}
	}
	return steps{timestamp.FromTime(start), timestamp.FromTime(end), step.Milliseconds()}, nil
}

// keptOr answers from the cache, or else evaluates.
func (e *Engine) keptOr(ctx context.Context, q *question, s steps) (*Result, error) {
	if res, ok, err := e.cached(ctx, q, s); ok {
		return res, err
	}
	return q.evaluate(s)
}

func (e *Engine) evaluate(ctx context.Context, t tenant.ID, expr string, s steps) (*Result, error) {
	q := e.spelled(t, expr)
	query, err := e.promql.NewRangeQuery(ctx, q, optsOf(ctx), expr, timestamp.Time(s.start), timestamp.Time(s.end), time.Duration(s.step)*time.Millisecond)
	return e.exec(ctx, q, query, expr, err)
}

func optsOf(ctx context.Context) promql.QueryOpts {
	return promplan.QueryOpts{QueryOpts: promql.NewPrometheusQueryOpts(stepStatsOf(ctx), lookbackOf(ctx), nil), Resolution: resolutionOf(ctx)}
}

// concurrentSelects is how many selectors of one query are read at once.
const concurrentSelects = 4

func (e *Engine) queryable(t tenant.ID) *queryable {
	c := &e.config
	return &queryable{
		series: &seriesfind.Finder{
			Source: c.Source, Memory: e.series, Tenant: t, Promote: c.Promote, MaxSeries: c.Limits.MaxSeries, MaxBounds: c.Limits.MaxSamples,
		},
		points: c.Source, maker: c.Maker, rollups: c.Rollups, starts: c.Features.StartTimestamps, limits: c.Limits,
		budget: newBudget(c.Limits), slots: make(chan struct{}, concurrentSelects),
	}
}

// spelled is the storage of an expression's query.
func (e *Engine) spelled(t tenant.ID, expr string) *queryable {
	q := e.queryable(t)
	q.series.Spelled = e.factsOf(expr).Spelled
	return q
}

func (e *Engine) exec(ctx context.Context, q *queryable, query promql.Query, expr string, err error) (*Result, error) {
	start := time.Now()
	res := &Result{Query: expr, query: query}
	if err = prepared(err); err == nil {
		var mu sync.Mutex
		done := query.Exec(conn.Traced(ctx, func(r conn.Ran) {
			mu.Lock()
			res.ran = append(res.ran, r)
			mu.Unlock()
		}))
		res.Value, res.Annotations = done.Value, done.Warnings
		if f := fault.OfEvaluation(done.Err); f != nil {
			err = f
			query.Close()
		}
	}
	res.Stats = Stats{Series: q.budget.series.Load(), Samples: q.budget.samples.Load(), Elapsed: time.Since(start)}
	e.config.Observe(res.Stats, err)
	if err != nil {
		return nil, err
	}
	return res, nil
}

// prepared classifies the error of making a query: the expression does not
// parse, or cannot be ranged over.
func prepared(err error) error {
	f := fault.Of(err)
	switch {
	case f == nil:
		return nil
	case f.Code == fault.Internal:
		return &fault.Error{Code: fault.BadQuery, Message: err.Error(), Err: err}
	}
	return f
}

// Series lists the labels of the series any of the selectors finds in
// [from,to], sorted, without repeats. Errors are *fault.Error.
func (e *Engine) Series(ctx context.Context, t tenant.ID, selectors [][]*labels.Matcher, from, to time.Time) ([]labels.Labels, error) {
	q := e.queryable(t)
	q.series.Spelled = spelling.OfMatchers(selectors)
	var out []labels.Labels
	for _, matchers := range selectors {
		found, err := q.series.List(ctx, timestamp.FromTime(from), timestamp.FromTime(to), q.series.Selector(matchers))
		if err == nil && len(found) == 0 {
			found, err = q.madeLabels(ctx, matchers, timestamp.FromTime(from), timestamp.FromTime(to))
		}
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, labels.Compare)
	return slices.CompactFunc(out, labels.Equal), nil
}

func (e *Engine) querier(t tenant.ID, from, to time.Time) *querier {
	return &querier{queryable: e.queryable(t), from: timestamp.FromTime(from), to: timestamp.FromTime(to)}
}

// knownExprs is how many expressions a generation of facts has, so at most twice
// as many are kept.
const knownExprs = 25_000

// factsOf parses an expression unless it did lately: rules and panels are evaluated
// again and again.
func (e *Engine) factsOf(expr string) promexpr.Facts {
	e.factsMu.Lock()
	f, ok := e.facts.Get(expr)
	e.factsMu.Unlock()
	if ok {
		return f
	}
	f = e.parser.Facts(expr, e.config.Lookback)
	e.factsMu.Lock()
	e.facts.Put(expr, f)
	e.factsMu.Unlock()
	return f
}

// Labels are the labels of a stored series without its name, as an evaluation
// shows them.
func (e *Engine) Labels(s *metricstore.SeriesRow) map[string]string {
	l := seriesview.Labeler{Promote: e.config.Promote}
	out := l.Labels(s, seriesview.Whole).Map()
	delete(out, model.MetricNameLabel)
	return out
}
