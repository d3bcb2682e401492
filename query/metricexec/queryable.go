package metricexec

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// queryable is the storage of one query of one tenant.
type queryable struct {
	source  Source
	rollups Rollups
	tenant  tenant.ID
	promote []string
	budget  *budget
	limits  Limits
	view    view
	spelled spelling.Names
	starts  bool // Prometheus's engine uses the starts of samples
	known   *known
	ahead   *Ahead // nil if nothing was read ahead
	finds   *finds
	lists   *lists
	slots   chan struct{} // selects read side by side, this many at once

	mu    sync.Mutex
	state stated
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

func (q *queryable) selector(matchers []*labels.Matcher) selector {
	return newSelector(matchers, q.spelled)
}

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
			set.series, set.warnings, set.err = q.read(ctx, hints, q.selector(matchers))
		case <-ctx.Done():
			set.err = ctx.Err()
		}
	}()
	return set
}

func (q *querier) read(ctx context.Context, hints *storage.SelectHints, s selector) ([]storage.Series, annotations.Annotations, error) {
	found, err := q.find(ctx, hints.Start, hints.End, s)
	if err != nil {
		return nil, nil, err
	}
	p, err := q.load(ctx, found, hints)
	if err != nil {
		return nil, nil, err
	}
	series, warnings, err := p.series(found, hints, s)
	if err == nil {
		err = q.budget.touch(len(series))
	}
	return series, warnings, err
}

// load reads the points of stored series.
func (q *querier) load(ctx context.Context, found []visible, hints *storage.SelectHints) (*points, error) {
	p := newPoints(found)
	p.starts = q.starts
	plain, delta, histograms := p.fingerprints()
	g, gctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	if len(plain) > 0 {
		g.Go(func() error {
			read := q.source.Stream // packs do not know the starts
			if q.starts {
				read = q.source.Samples
			}
			_, err := read(gctx, q.tenant, q.points(plain, hints), func(s samplestore.Samples) error {
				own := deltas{times: slices.Clone(s.Times), values: slices.Clone(s.Values)}
				if q.starts {
					own.start = slices.Clone(s.Start)
				}
				mu.Lock()
				p.samples[s.Fingerprint] = own
				mu.Unlock()
				return q.budget.read(len(s.Times))
			})
			return q.budget.explain(err)
		})
	}
	if len(delta) > 0 {
		g.Go(func() error {
			_, err := q.source.Samples(gctx, q.tenant, q.points(delta, hints), func(s samplestore.Samples) error {
				mu.Lock()
				p.samples[s.Fingerprint] = deltas{s.Times, s.Start, s.Values}
				mu.Unlock()
				return q.budget.read(len(s.Times))
			})
			return q.budget.explain(err)
		})
	}
	if len(histograms) > 0 {
		g.Go(func() error {
			_, err := q.source.Histograms(gctx, q.tenant, q.points(histograms, hints), func(h samplestore.Histograms) error {
				return q.budget.read(p.histograms(&h))
			})
			return q.budget.explain(err)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return p, nil
}

// points is the read of the points of a select.
func (q *querier) points(fingerprints []uint64, hints *storage.SelectHints) samplestore.Range {
	return samplestore.Range{Fingerprints: fingerprints, From: clamp(hints.Start), To: clamp(hints.End), Limit: q.limits.MaxSamples, As: q.asked()}
}

// find lists the visible series of a selector in the order of their labels; too
// many are an error. The list is shared.
func (q *querier) find(ctx context.Context, from, to int64, s selector) ([]visible, error) {
	if q.ahead != nil {
		if found, ok := q.ahead.found(from, to, s); ok {
			return found, nil
		}
	}
	return q.found(ctx, from, to, s, true)
}

// any is find in no order, for those who only look at the labels: sorting them
// costs more than all else.
func (q *querier) any(ctx context.Context, from, to int64, s selector) ([]visible, error) {
	return q.found(ctx, from, to, s, false)
}

// found takes what a selector finds from memory, if that is still true, or from the
// store.
func (q *querier) found(ctx context.Context, from, to int64, s selector, sorted bool) ([]visible, error) {
	first, last := time.UnixMilli(clamp(from)), time.UnixMilli(clamp(to))
	key := findKey{q.tenant, q.view, first.Unix() / 86_400, last.Unix() / 86_400, s.key()}
	version, ok := q.stateOf(ctx, from, to).Series(first, last)
	known, had := find{}, false
	if ok {
		known, had = q.finds.get(key)
		had = had && known.version == version
	}
	if had && (known.sorted || !sorted) {
		return known.found, nil
	}
	if !had {
		found, err := q.look(ctx, first, last, s)
		if err != nil {
			return nil, err
		}
		known = find{version: version, found: found}
	}
	if sorted {
		known.found, known.sorted = inOrder(slices.Clone(known.found)), true
	}
	if ok {
		q.finds.add(key, known)
	}
	return known.found, nil
}

// look asks the store what a selector finds.
func (q *querier) look(ctx context.Context, first, last time.Time, s selector) ([]visible, error) {
	stored, err := q.source.Index(ctx, q.tenant, first, last, s.selection(q.limits.MaxSeries))
	if err != nil {
		if overLimit(err) {
			return nil, tooManySeries(q.limits.MaxSeries, err)
		}
		return nil, err
	}
	all, err := q.label(ctx, first, last, stored)
	if err != nil {
		return nil, err
	}
	return s.visibles(q.view, stored, all), nil
}

// bounds lists the le labels of the histograms among found, by fingerprint.
func (q *querier) bounds(ctx context.Context, found []visible) (map[uint64][]string, error) {
	var fps []uint64
	for _, v := range found {
		if v.part == buckets {
			fps = append(fps, v.stored.Fingerprint)
		}
	}
	if len(fps) == 0 {
		return nil, nil
	}
	r := samplestore.Range{Fingerprints: fps, From: clamp(q.from), To: clamp(q.to), Limit: q.limits.MaxSamples}
	layouts, err := q.source.Bounds(ctx, q.tenant, r)
	if err != nil {
		return nil, q.budget.explain(err)
	}
	out := make(map[uint64][]string, len(layouts))
	for fp, all := range layouts {
		var e explicit
		for _, bounds := range all {
			e.layoutOf(withoutInf(bounds))
		}
		for _, bound := range e.bounds() {
			out[fp] = append(out[fp], formatBound(bound))
		}
	}
	return out, nil
}

// list is the labels of all series a selector finds, sorted, without reading
// samples; at most limit of them if limit is positive.
func (q *querier) list(ctx context.Context, s selector) ([]labels.Labels, error) {
	found, err := q.find(ctx, q.from, q.to, s)
	if err != nil {
		return nil, err
	}
	bounds, err := q.bounds(ctx, found)
	if err != nil {
		return nil, err
	}
	var out []labels.Labels
	for _, v := range found {
		if v.part != buckets {
			out = append(out, v.labels)
			continue
		}
		for _, le := range bounds[v.stored.Fingerprint] {
			if s.matchesLE(le) {
				out = append(out, withLE(v.labels, le))
			}
		}
		if len(out) > q.limits.MaxSeries {
			return nil, tooManySeries(q.limits.MaxSeries, nil)
		}
	}
	return out, nil
}

func withLE(l labels.Labels, le string) labels.Labels {
	return labels.NewBuilder(l).Set(model.BucketLabel, le).Labels()
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
