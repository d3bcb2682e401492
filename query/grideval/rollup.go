package grideval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	stale "github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// rollup evaluates a rollup; what it returns is held already. See evalInto for f.
func (e *evaluation) rollup(ctx context.Context, n *metricplan.Rollup, g column.Grid, f *folding) ([]column.Series, error) {
	args, err := e.all(ctx, n.Args, g)
	if err != nil {
		return nil, err
	}
	defer e.release(args)
	r := &rolling{evaluation: e, Rollup: n, grid: g, folding: f}
	for i := range args {
		r.args = append(r.args, args[i].Scalar())
	}
	r.windows = rollup.Windows{Start: g.Start - n.Offset, Step: g.Step, N: g.N, Range: n.Range, First: g.Start, Every: g.Step}
	at, err := e.fixed(ctx, n, g)
	if err != nil {
		return nil, err
	}
	if at != nil {
		r.windows.Start, r.windows.Step = *at-n.Offset, 0
		if len(n.Args) == 0 { // then every step is like the first
			r.windows.N = 1
		}
	}
	if n.Subquery != nil {
		err = r.subquery(ctx)
	} else {
		err = r.stored(ctx)
	}
	if err != nil {
		return nil, err
	}
	return r.result()
}

// fixed is the time that all windows of a rollup end at, nil if there is none.
func (e *evaluation) fixed(ctx context.Context, n *metricplan.Rollup, g column.Grid) (*int64, error) {
	if n.AtOf == nil {
		return n.At, nil
	}
	found, err := e.eval(ctx, n.AtOf, g)
	if err != nil {
		return nil, err
	}
	e.hold(-cells(found))
	at := int64(found[0].Values[0] * 1000)
	return &at, nil
}

// rolling is one rollup under way.
type rolling struct {
	*evaluation
	*metricplan.Rollup
	grid    column.Grid
	windows rollup.Windows
	near    rollup.Windows // of entries of a rollup
	args    [][]float64
	folding *folding // nil if columns are wanted

	outMu sync.Mutex
	out   []column.Series
	order []placed // of out
}

// placed is where a series is in the order of the source, and where it is now.
type placed struct{ index, at int }

// stored rolls up stored series, each as it is read.
func (r *rolling) stored(ctx context.Context) error {
	w := r.windows
	read := Read{
		Selector: r.Selector, From: w.Start - w.Range + 1 - r.Before, To: w.End(w.N-1) + r.After,
		First: w.Start, Step: w.Step, Starts: r.Starts,
	}
	if r.Name != "" && !r.KeepStale {
		read.Range = w.Range
	}
	r.thin(&read)
	if r.folding != nil {
		read.InTurn = r.folding.begin
	}
	annos, err := r.Source.Select(ctx, read, func(i int, raw *column.Raw) error { return r.series(i, raw) })
	r.mu.Lock()
	r.annos.Merge(annos)
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("expanding series: %w", err)
	}
	return nil
}

// subquery rolls up the columns of the expression inside.
func (r *rolling) subquery(ctx context.Context) error {
	w, step := r.windows, r.Subquery.Step
	begin := w.Start - w.Range - r.Before
	from := step * (begin / step)
	if from <= begin {
		from += step
	}
	g := column.GridOf(from, w.End(w.N-1)+r.After, step)
	inner, err := r.eval(ctx, r.Subquery.Expr, g)
	if err != nil {
		return err
	}
	defer func() { r.hold(-cells(inner)) }()
	var failed error
	var once sync.Once
	r.parallel(len(inner), func(a, b int) {
		var raw column.Raw
		for i := a; i < b; i++ {
			sampled(&raw, &inner[i], g)
			if err := r.series(i, &raw); err != nil {
				once.Do(func() { failed = err })
				return
			}
		}
	})
	return failed
}

// sampled turns a column into samples. A counter reset hint says something of
// the neighbours a histogram had; it has others now.
func sampled(raw *column.Raw, s *column.Series, g column.Grid) {
	*raw = column.Raw{Labels: s.Labels, DropName: s.DropName, Times: raw.Times[:0], Values: raw.Values[:0]}
	for i, v := range s.Values {
		h := s.Histogram(i)
		if column.IsAbsent(v) && h == nil {
			continue
		}
		if h != nil {
			if raw.Histograms == nil {
				raw.Histograms = make([]*histogram.FloatHistogram, len(raw.Times), len(s.Values))
			}
			if h.CounterResetHint == histogram.NotCounterReset || h.CounterResetHint == histogram.CounterReset {
				unhinted := *h
				unhinted.CounterResetHint = histogram.UnknownCounterReset
				h = &unhinted
			}
		}
		raw.Times, raw.Values = append(raw.Times, g.Time(i)), append(raw.Values, v)
		if raw.Histograms != nil {
			raw.Histograms = append(raw.Histograms, h)
		}
	}
}

// series rolls up one series.
func (r *rolling) series(index int, raw *column.Raw) (err error) {
	defer recovered(&err) // the source calls from goroutines of its own
	if raw.Entries != nil {
		s := column.Series{Labels: raw.Labels, Values: r.Columns.Get(r.windows.N)}
		r.thinned(s.Values, raw.Entries)
		return r.add(index, s)
	}
	if !r.KeepStale {
		raw.WithoutStale()
	}
	if r.inTurn() {
		return r.turn(index, raw)
	}
	if len(raw.Times) == 0 && !(r.Lenient && r.Subquery != nil) {
		return nil
	}
	if r.Selector != nil && r.Selector.Stats && raw.Histograms != nil {
		countAndSum(raw.Histograms)
	}
	s := column.Series{Labels: raw.Labels, DropName: raw.DropName}
	plain := raw.Histograms == nil && (raw.Starts == nil || !slices.ContainsFunc(raw.Starts, func(t int64) bool { return t != 0 }))
	switch {
	case plain && r.Kernel != nil:
		s.Values = r.Columns.Get(r.windows.N)
		r.Kernel(s.Values, raw.Times, raw.Values, r.windows, r.args)
	case plain && r.Expand != nil:
		for _, one := range r.Expand(raw.Labels, raw.Times, raw.Values, r.windows, r.args) {
			if err := r.add(index, one); err != nil {
				return err
			}
		}
		return nil
	case r.Window != nil:
		s.Values = column.Empty(r.windows.N)
		if err := r.byWindow(&s, raw); err != nil {
			return err
		}
	default:
		return nil
	}
	return r.add(index, s)
}

// inTurn tells whether columns are folded as they come.
func (r *rolling) inTurn() bool { return r.folding != nil && r.folding.begun }

// turn rolls up one series, of floats, and folds it into its group.
func (r *rolling) turn(index int, raw *column.Raw) error {
	if len(raw.Times) == 0 {
		return r.folding.take(index, raw.Labels, nil)
	}
	values, err := r.folding.column()
	if err != nil {
		return err
	}
	r.Kernel(values, raw.Times, raw.Values, r.windows, r.args)
	r.settle(values)
	s := column.Series{Labels: raw.Labels, Values: values}
	if !s.Present() {
		r.folding.giveBack(values)
		return r.folding.take(index, raw.Labels, nil)
	}
	r.check(&s)
	return r.folding.take(index, raw.Labels, values)
}

// check tells the function what a series came to.
func (r *rolling) check(s *column.Series) {
	if r.Check != nil && slices.ContainsFunc(s.Values, func(v float64) bool { return !column.IsAbsent(v) }) {
		r.Check(s, r.args, r.warn)
	}
}

// add takes what a series came to.
func (r *rolling) add(index int, s column.Series) error {
	r.settle(s.Values)
	if !r.Lenient && !s.Present() {
		r.Columns.Put(s.Values)
		return nil
	}
	if len(s.Values) < r.grid.N {
		one := []column.Series{s}
		column.Broadcast(one, r.grid.N)
		s = one[0]
	}
	r.check(&s)
	if err := r.hold(cells([]column.Series{s})); err != nil {
		return err
	}
	r.outMu.Lock()
	r.order = append(r.order, placed{index, len(r.out)})
	r.out = append(r.out, s)
	r.outMu.Unlock()
	return nil
}

// countAndSum leaves out the buckets of a series' histograms, in place. Whether
// the counter was reset must be found out before they go.
func countAndSum(all []*histogram.FloatHistogram) {
	var last *histogram.FloatHistogram
	for i, h := range all {
		if h == nil {
			continue
		}
		short := &histogram.FloatHistogram{CounterResetHint: h.CounterResetHint, Schema: h.Schema, Count: h.Count, Sum: h.Sum}
		all[i] = short
		if stale.IsStaleNaN(h.Sum) {
			continue
		}
		if h.CounterResetHint == histogram.UnknownCounterReset && last != nil {
			short.CounterResetHint = histogram.NotCounterReset
			if h.DetectReset(last) {
				short.CounterResetHint = histogram.CounterReset
			}
		}
		hinted := *h
		hinted.CounterResetHint = short.CounterResetHint
		last = &hinted
	}
}

// byWindow calls the function of the rollup for every window.
func (r *rolling) byWindow(s *column.Series, raw *column.Raw) error {
	w := metricplan.Window{Labels: raw.Labels, Args: make([]float64, len(r.args)), HasStarts: r.Starts && raw.Starts != nil}
	lo, hi := 0, 0
	for i := range r.windows.N {
		end := r.windows.End(i)
		for hi < len(raw.Times) && raw.Times[hi] <= end+r.After {
			hi++
		}
		for lo < hi && raw.Times[lo] <= end-r.Range-r.Before {
			lo++
		}
		if lo == hi {
			continue
		}
		w.Floats, w.Histograms = w.Floats[:0], w.Histograms[:0]
		w.Starts.Floats, w.Starts.Histograms = w.Starts.Floats[:0], w.Starts.Histograms[:0]
		for k := lo; k < hi; k++ {
			if raw.Histograms != nil && raw.Histograms[k] != nil {
				w.Histograms = append(w.Histograms, promql.HPoint{T: raw.Times[k], H: raw.Histograms[k]})
				if w.HasStarts {
					w.Starts.Histograms = append(w.Starts.Histograms, raw.Starts[k])
				}
				continue
			}
			w.Floats = append(w.Floats, promql.FPoint{T: raw.Times[k], F: raw.Values[k]})
			if w.HasStarts {
				w.Starts.Floats = append(w.Starts.Floats, raw.Starts[k])
			}
		}
		for k := range r.args {
			w.Args[k] = r.args[k][i]
		}
		w.Step = r.grid.Time(i)
		w.Offset = w.Step - end
		v, h, ok, err := r.Window(&w, r.warn)
		if err != nil {
			return err
		}
		if ok {
			s.Set(i, v, h)
		}
	}
	return nil
}

// result puts the series in order.
func (r *rolling) result() ([]column.Series, error) {
	slices.SortFunc(r.order, func(a, b placed) int { return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.at, b.at)) })
	out := make([]column.Series, len(r.out))
	for i, p := range r.order {
		out[i] = r.out[p.at]
	}
	if r.KeepName {
		return out, nil
	}
	if r.Lenient {
		column.DropNames(out, r.Delayed)
		return out, nil
	}
	unique := r.Delayed || column.SameName(out)
	column.DropNames(out, r.Delayed)
	if unique {
		return out, nil
	}
	return column.Merge(out)
}
