package metricexec

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/readahead"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// queryable is the storage of one query of one tenant.
type queryable struct {
	series  *seriesfind.Finder
	points  readahead.Source
	maker   *Maker // nil makes nothing
	rollups Rollups
	budget  *budget
	limits  Limits
	starts  bool             // Prometheus's engine uses the starts of samples
	ahead   *readahead.Ahead // nil if nothing was read ahead
	slots   chan struct{}    // selects read side by side, this many at once
}

func (q *queryable) Querier(from, to int64) (storage.Querier, error) {
	return &querier{queryable: q, from: from, to: to, starts: q.starts}, nil
}

type querier struct {
	*queryable
	from, to int64
	starts   bool // of samples are wanted
}

func (q *querier) Close() error { return nil }

// Select starts to read at once and returns; the set waits for it. So several
// selectors of a query are read side by side.
func (q *querier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	if hints == nil {
		hints = &storage.SelectHints{Start: q.from, End: q.to}
	}
	set := &seriesSet{done: make(chan struct{}), at: -1}
	go func() {
		defer close(set.done)
		select {
		case q.slots <- struct{}{}:
			defer func() { <-q.slots }()
			set.series, set.warnings, set.err = q.read(ctx, hints, matchers)
		case <-ctx.Done():
			set.err = ctx.Err()
		}
	}()
	return set
}

func (q *querier) read(ctx context.Context, hints *storage.SelectHints, matchers []*labels.Matcher) ([]storage.Series, annotations.Annotations, error) {
	s := q.series.Selector(matchers)
	found, err := q.find(ctx, hints.Start, hints.End, s)
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		series, err := q.readMade(ctx, matchers, hints)
		return series, nil, err
	}
	p, err := q.load(ctx, found, hints)
	if err != nil {
		return nil, nil, err
	}
	series, warnings, err := p.Series(found, hints, s)
	if err == nil {
		err = q.budget.touch(len(series))
	}
	return series, warnings, err
}

// load reads the points of stored series.
func (q *querier) load(ctx context.Context, found []seriesview.Series, hints *storage.SelectHints) (*seriespoints.Points, error) {
	p := seriespoints.New(found, q.starts)
	plain, delta, histograms := p.Fingerprints()
	g, gctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	if len(plain) > 0 {
		g.Go(func() error {
			read := q.points.Stream // packs do not know the starts
			if q.starts {
				read = q.points.Samples
			}
			_, err := read(gctx, q.series.Tenant, q.span(plain, hints), func(s samplestore.Samples) error {
				times, values, starts := slices.Clone(s.Times), slices.Clone(s.Values), []int64(nil)
				if q.starts {
					starts = slices.Clone(s.Start)
				}
				mu.Lock()
				p.Samples(s.Fingerprint, times, starts, values)
				mu.Unlock()
				return q.budget.read(len(s.Times))
			})
			return q.budget.explain(err)
		})
	}
	if len(delta) > 0 {
		g.Go(func() error {
			_, err := q.points.Samples(gctx, q.series.Tenant, q.span(delta, hints), func(s samplestore.Samples) error {
				mu.Lock()
				p.Samples(s.Fingerprint, s.Times, s.Start, s.Values)
				mu.Unlock()
				return q.budget.read(len(s.Times))
			})
			return q.budget.explain(err)
		})
	}
	if len(histograms) > 0 {
		g.Go(func() error {
			_, err := q.points.Histograms(gctx, q.series.Tenant, q.span(histograms, hints), func(h samplestore.Histograms) error {
				return q.budget.read(p.Histograms(&h))
			})
			return q.budget.explain(err)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return p, nil
}

// span is the read of the points of a select.
func (q *querier) span(fingerprints []uint64, hints *storage.SelectHints) samplestore.Range {
	return samplestore.Range{Fingerprints: fingerprints, From: seriesfind.Clamp(hints.Start), To: seriesfind.Clamp(hints.End), Limit: q.limits.MaxSamples, As: q.series.Version()}
}

// find lists the visible series of a selector in the order of their labels; too
// many are an error. The list is shared.
func (q *querier) find(ctx context.Context, from, to int64, s seriesview.Selector) ([]seriesview.Series, error) {
	if q.ahead != nil {
		if found, ok := q.ahead.Found(from, to, s); ok {
			return found, nil
		}
	}
	return q.series.Find(ctx, from, to, s)
}

// LabelNames and LabelValues make a querier complete; Prometheus's engine asks
// for neither except through info(), which reads the labels of target_info.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	names, err := q.series.LabelNames(ctx, q.from, q.to, matchers)
	return limited(names, hints), nil, err
}

// LabelValues is storage.LabelQuerier's.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	values, err := q.series.LabelValues(ctx, q.from, q.to, name, matchers)
	return limited(values, hints), nil, err
}

func limited(names []string, hints *storage.LabelHints) []string {
	names, _ = hints.ApplyLimit(names)
	return names
}

// seriesSet is filled by a goroutine that closes done.
type seriesSet struct {
	done     chan struct{}
	series   []storage.Series
	warnings annotations.Annotations
	err      error
	at       int
}

func (s *seriesSet) Next() bool {
	<-s.done
	if s.err != nil || s.at+1 >= len(s.series) {
		return false
	}
	s.at++
	return true
}

func (s *seriesSet) At() storage.Series { return s.series[s.at] }

func (s *seriesSet) Err() error {
	<-s.done
	return s.err
}

func (s *seriesSet) Warnings() annotations.Annotations {
	<-s.done
	return s.warnings
}
