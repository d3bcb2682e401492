package grideval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/schema"
	"github.com/prometheus/prometheus/util/annotations"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/vectorop"
)

// Config says how plans are evaluated.
type Config struct {
	Source   Source
	Lookback time.Duration // default 5 min
	// Delayed drops metric names when the query ends, as Prometheus does with
	// that feature on.
	Delayed bool
	// Lenient vectors hold series without a cell, and several of the same labels; NaN is no value in them, so what
	// comes to it becomes absent.
	Lenient bool
	// MaxCells bounds the cells held at once, a histogram counting by its size;
	// 0 is no limit. More is an error that wraps promql.ErrTooManySamples.
	MaxCells int64
	// Workers bounds how much is computed side by side; default GOMAXPROCS.
	Workers int
	// Resolution is how long, in ms, the buckets of rollups may be that answers are
	// made of though windows do not end where they do; 0 allows what is exact only,
	// less than 0 no rollups at all.
	Resolution int64
	// Columns lends memory; nil means none is kept.
	Columns *column.Pool
	// Foreign evaluates what the plan leaves to Prometheus's engine; nil means
	// that is an error.
	Foreign func(ctx context.Context, n *metricplan.Foreign, g column.Grid) ([]column.Series, annotations.Annotations, error)
}

// Result is what a plan came to: series, or Text if the plan is one.
type Result struct {
	Series      []column.Series
	Text        *metricplan.Text
	Annotations annotations.Annotations
	Peak        int64 // cells held at once
	// Notes say what each node did, for explain.
	Notes map[metricplan.Node]Note
}

// Note is what a node did, its children included.
type Note struct {
	Series int
	Took   time.Duration
	Rollup string // of a Rollup over a long range: which rollup served it, or why none did
}

// Eval evaluates a plan. The columns of the result are the caller's.
func (c Config) Eval(ctx context.Context, plan metricplan.Node, g column.Grid) (Result, error) {
	if c.Lookback <= 0 {
		c.Lookback = 5 * time.Minute
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	e := &evaluation{Config: c, annos: annotations.Annotations{}, notes: map[metricplan.Node]Note{}}
	if t, ok := plan.(*metricplan.Text); ok {
		return Result{Text: t}, nil
	}
	series, err := e.eval(ctx, plan, g)
	if err == nil {
		series, err = e.finish(series)
	}
	return Result{Series: series, Annotations: e.annos, Peak: e.peak.Load(), Notes: e.notes}, err
}

// evaluation is one run of a plan.
type evaluation struct {
	Config
	mu         sync.Mutex
	annos      annotations.Annotations
	notes      map[metricplan.Node]Note
	held, peak atomic.Int64
}

func (e *evaluation) warn(err error) {
	e.mu.Lock()
	e.annos.Add(err)
	e.mu.Unlock()
}

func (e *evaluation) env(g column.Grid) *metricplan.Env {
	return &metricplan.Env{Grid: g, Lookback: e.Lookback.Milliseconds(), Delayed: e.Delayed, Warn: e.warn, Room: e.room, Share: e.parallel}
}

// room tells whether so many more cells may be held.
func (e *evaluation) room(cells int64) error {
	if e.MaxCells > 0 && e.held.Load()+cells > e.MaxCells {
		return promql.ErrTooManySamples("query execution")
	}
	return nil
}

// hold counts cells; negative gives them back.
func (e *evaluation) hold(cells int64) error {
	n := e.held.Add(cells)
	for p := e.peak.Load(); n > p && !e.peak.CompareAndSwap(p, n); p = e.peak.Load() {
	}
	if e.MaxCells > 0 && n > e.MaxCells {
		return promql.ErrTooManySamples("query execution")
	}
	return nil
}

// cells is what series hold.
func cells(all []column.Series) int64 {
	var n int64
	for i := range all {
		n += int64(len(all[i].Values))
		for _, h := range all[i].Histograms {
			if h != nil {
				n += int64(h.Size()+8) / 16
			}
		}
	}
	return n
}

// eval evaluates a node; its result is held until the caller gives it back.
func (e *evaluation) eval(ctx context.Context, n metricplan.Node, g column.Grid) (out []column.Series, err error) {
	return e.evalInto(ctx, n, g, nil)
}

// evalInto is eval; the series of a rollup go to f instead if it is not nil and has begun.
func (e *evaluation) evalInto(ctx context.Context, n metricplan.Node, g column.Grid, f *folding) (out []column.Series, err error) {
	defer recovered(&err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if g.N <= 0 {
		return nil, nil
	}
	begun := time.Now()
	switch n := n.(type) {
	case *metricplan.Number:
		out = []column.Series{column.Constant(n.Value, g.N)}
	case *metricplan.Text: // which has no series
	case *metricplan.Rollup:
		out, err = e.rollup(ctx, n, g, f)
	case *metricplan.Call:
		out, err = e.call(ctx, n, g)
	case *metricplan.Aggregate:
		out, err = e.aggregate(ctx, n, g)
	case *metricplan.Binary:
		if args, failed := e.all(ctx, n.Children(), g); failed != nil {
			err = failed
		} else {
			e.release(args) // the operator takes the columns over
			out, err = vectorop.Apply(n, e.env(g), args[0].Series, args[1].Series)
		}
	case *metricplan.Once:
		if out, err = e.eval(ctx, n.Expr, column.Grid{Start: g.Start, Step: g.Step, N: 1}); err == nil && g.N > 1 {
			e.hold(-cells(out))
			column.Broadcast(out, g.N)
			err = e.hold(cells(out))
		}
	case *metricplan.Foreign:
		out, err = e.foreign(ctx, n, g)
	default:
		err = fmt.Errorf("plan: %T cannot be evaluated", n)
	}
	if err != nil {
		return nil, err
	}
	switch n.(type) {
	case *metricplan.Rollup, *metricplan.Once:
	default:
		for i := range out {
			e.settle(out[i].Values)
		}
		err = e.hold(cells(out))
	}
	series := len(out)
	if f != nil {
		series += f.series
	}
	e.mu.Lock()
	note := e.notes[n]
	e.notes[n] = Note{Series: note.Series + series, Took: note.Took + time.Since(begun), Rollup: note.Rollup}
	e.mu.Unlock()
	return out, err
}

func (e *evaluation) foreign(ctx context.Context, n *metricplan.Foreign, g column.Grid) ([]column.Series, error) {
	if e.Foreign == nil {
		return nil, errors.New("plan: no engine for " + n.Why)
	}
	out, annos, err := e.Foreign(ctx, n, g)
	e.mu.Lock()
	e.annos.Merge(annos)
	e.mu.Unlock()
	return out, err
}

// all evaluates several nodes side by side.
func (e *evaluation) all(ctx context.Context, nodes []metricplan.Node, g column.Grid) ([]metricplan.Operand, error) {
	out := make([]metricplan.Operand, len(nodes))
	if len(nodes) == 1 {
		err := e.operand(ctx, nodes[0], g, &out[0])
		return out, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		group.Go(func() error { return e.operand(ctx, n, g, &out[i]) })
	}
	return out, group.Wait()
}

func (e *evaluation) operand(ctx context.Context, n metricplan.Node, g column.Grid, out *metricplan.Operand) (err error) {
	if t, ok := n.(*metricplan.Text); ok {
		out.Text = t.Value
		return nil
	}
	out.Series, err = e.eval(ctx, n, g)
	return err
}

// release gives back what arguments held.
func (e *evaluation) release(args []metricplan.Operand) {
	for i := range args {
		e.hold(-cells(args[i].Series))
	}
}

func (e *evaluation) call(ctx context.Context, n *metricplan.Call, g column.Grid) ([]column.Series, error) {
	args, err := e.all(ctx, n.Args, g)
	if err != nil {
		return nil, err
	}
	e.release(args) // the function takes the columns over
	out, err := n.Func(e.env(g), args)
	if err != nil || e.Lenient {
		return out, err
	}
	return column.Merge(column.Compact(out))
}

// finish drops the names whose time has come.
func (e *evaluation) finish(all []column.Series) ([]column.Series, error) {
	if !e.Delayed {
		return all, nil
	}
	for i := range all {
		if all[i].DropName {
			all[i].Labels = all[i].Labels.DropReserved(schema.IsMetadataLabel)
		}
	}
	return column.Merge(all)
}

// settle makes NaN absent where it is no value.
func (e *evaluation) settle(values []float64) {
	if !e.Lenient {
		return
	}
	absent := column.Absent()
	for i, v := range values {
		if v != v {
			values[i] = absent
		}
	}
}

// parallel shares n items out among workers in runs.
func (e *evaluation) parallel(n int, f func(from, to int)) {
	workers := min(e.Workers, n)
	if workers <= 1 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			defer recovered(&errs[w])
			f(n*w/workers, n*(w+1)/workers)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			panic(err) // on to the node's own
		}
	}
}
