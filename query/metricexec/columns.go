package metricexec

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/promplan"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

var _ grideval.Source = (*queryable)(nil)

// Select makes a queryable a source of the grid evaluator: the series Prometheus's
// engine would be given, in the same order.
//
// Series that are stored as they are seen, which is most, are passed on as they
// are read. The rest (parts of histograms, deltas, series several stored ones
// share) is read whole and put together first.
func (q *queryable) Select(ctx context.Context, r grideval.Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	select {
	case q.slots <- struct{}{}:
		defer func() { <-q.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	reader := &querier{queryable: q, from: r.From, to: r.To, starts: r.Starts}
	hints, s := promplan.Hints(r), q.series.Selector(r.Selector.Matchers)
	found, err := reader.find(ctx, r.From, r.To, s)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, q.selectMade(ctx, r, each)
	}
	plain, rest := split(found, seriespoints.AsSent(hints))
	if r.Thin != nil && q.rollups != nil && q.ahead == nil {
		err = reader.thin(ctx, plain, hints, r.Thin, each)
	} else {
		if len(rest) > 0 || q.ahead != nil {
			r.InTurn = nil
		}
		err = reader.stream(ctx, plain, s.Whole(), hints, r.InTurn, each)
	}
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, nil
	}
	return reader.compose(ctx, rest, hints, s, each)
}

// sent is the series of a selector that are seen as they were sent, in the order of
// their labels.
type sent struct {
	series []sentSeries
	inTurn bool // they come in that order
	byID   func() []sentSeries
}

type sentSeries struct {
	fingerprint uint64
	at          int // place in the order of all
	labels      labels.Labels
}

func newSent(series []sentSeries) *sent {
	return &sent{series: series, byID: sync.OnceValue(func() []sentSeries {
		sorted := slices.Clone(series)
		slices.SortFunc(sorted, func(a, b sentSeries) int { return cmp.Compare(a.fingerprint, b.fingerprint) })
		return sorted
	})}
}

func (s *sent) fingerprints() []uint64 {
	out := make([]uint64, len(s.series))
	for i := range s.series {
		out[i] = s.series[i].fingerprint
	}
	return out
}

// of is the series of a fingerprint, which is one of them. It is looked for in the
// order of fingerprints, about which samples come in: each look at what lies elsewhere
// would be waited for, a hundred thousand times.
func (s *sent) of(fingerprint uint64) *sentSeries {
	sorted := s.byID()
	i, _ := slices.BinarySearchFunc(sorted, fingerprint, func(v sentSeries, fp uint64) int { return cmp.Compare(v.fingerprint, fp) })
	return &sorted[i]
}

// ofSamples is the series of samples, and their place in the order of all.
func (s *sent) ofSamples(m *samplestore.Samples) (labels.Labels, int) {
	if s.inTurn {
		return s.series[m.Place].labels, m.Place
	}
	v := s.of(m.Fingerprint)
	return v.labels, v.at
}

// sameName tells whether all have one name, type and unit.
func (s *sent) sameName() bool {
	for _, name := range []string{model.MetricNameLabel, model.MetricTypeLabel, model.MetricUnitLabel} {
		for i := range s.series {
			if s.series[i].labels.Get(name) != s.series[0].labels.Get(name) {
				return false
			}
		}
	}
	return true
}

// grouped is series of equal labels and where they stand among all.
type grouped struct {
	index int
	group []seriesview.Series
}

// split tells series that can be passed on as they are stored from the others.
func split(found []seriesview.Series, asSent bool) (*sent, []grouped) {
	plain, rest := make([]sentSeries, 0, len(found)), []grouped(nil)
	for i := 0; i < len(found); {
		j := i + 1
		for j < len(found) && labels.Equal(found[i].Labels, found[j].Labels) {
			j++
		}
		if v := found[i]; j == i+1 && v.Part == seriesview.Whole && !v.IsNative() &&
			(!seriesview.IsDelta(v.Stored) || asSent) {
			plain = append(plain, sentSeries{v.Stored.Fingerprint, i * within, v.Labels})
		} else {
			rest = append(rest, grouped{i, found[i:j]})
		}
		i = j
	}
	return newSent(plain), rest
}

// within leaves room between the places of two stored series for all the
// buckets one may become.
const within = 1 << 20

// stream passes on series as they are stored. With starts each sample has when its
// interval began, which packs do not know. Whole says that they are all series of their
// names. InTurn, if not nil, is that of grideval.Read.
func (q *querier) stream(ctx context.Context, plain *sent, whole bool, hints *storage.SelectHints, inTurn func(), each func(int, *column.Raw) error) error {
	if len(plain.series) == 0 {
		return nil
	}
	read := q.points.Stream
	if q.starts {
		read = q.points.Samples
	}
	span := q.span(plain.fingerprints(), hints)
	span.Dense = whole
	if inTurn != nil && !q.starts && plain.sameName() {
		span.InTurn = func() {
			plain.inTurn = true
			inTurn()
		}
	}
	_, err := read(ctx, q.series.Tenant, span, q.plain(plain, each))
	return q.budget.explain(err)
}

// plain passes on the samples of a series as they are.
func (q *querier) plain(plain *sent, each func(int, *column.Raw) error) func(samplestore.Samples) error {
	var spare sync.Pool // *column.Raw, which nobody keeps
	return func(s samplestore.Samples) error {
		if len(s.Times) > 0 {
			if err := q.budget.both(len(s.Times)); err != nil {
				return err
			}
		}
		raw, ok := spare.Get().(*column.Raw)
		if !ok {
			raw = new(column.Raw)
		}
		defer spare.Put(raw)
		labels, at := plain.ofSamples(&s)
		*raw = column.Raw{Labels: labels, Times: s.Times, Values: s.Values, Starts: s.Start}
		return each(at, raw)
	}
}

// thin passes on what rollups keep of series, or their samples where that is not enough.
func (q *querier) thin(ctx context.Context, plain *sent, hints *storage.SelectHints, want *grideval.Thin, each func(int, *column.Raw) error) error {
	if len(plain.series) == 0 {
		return nil
	}
	var mu sync.Mutex
	var odd []sentSeries // of which samples are needed
	_, err := q.rollups(ctx, q.series.Tenant, q.span(plain.fingerprints(), hints), rollupstore.Want{Aspect: want.Aspect, Length: want.Length, Whole: want.Whole, Tail: want.Tail, StaleTail: want.StaleTail}, rollupstore.Reading{
		Entries: func(fp uint64, e *samplerollup.Entries) error {
			v := plain.of(fp)
			if !want.Fits(e) {
				mu.Lock()
				defer mu.Unlock()
				odd = append(odd, *v)
				return nil
			}
			if err := q.budget.both(len(e.Times)); err != nil {
				return err
			}
			return each(v.at, &column.Raw{Labels: v.labels, Entries: e})
		},
		Samples: q.plain(plain, each),
		Thinned: q.budget.read,
	})
	if err != nil {
		return q.budget.explain(err)
	}
	slices.SortFunc(odd, func(a, b sentSeries) int { return cmp.Compare(a.at, b.at) })
	return q.stream(ctx, newSent(odd), false, hints, nil, each)
}

// compose reads series whole and passes on what PromQL sees of them.
func (q *querier) compose(ctx context.Context, rest []grouped, hints *storage.SelectHints, s seriesview.Selector, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	var found []seriesview.Series
	for _, g := range rest {
		found = append(found, g.group...)
	}
	p, err := q.load(ctx, found, hints)
	if err != nil {
		return nil, err
	}
	var warnings annotations.Annotations
	made := make([][]storage.Series, len(rest))
	for i, g := range rest {
		var w annotations.Annotations
		if made[i], w, err = p.Series(g.group, hints, s); err != nil {
			return nil, err
		}
		warnings.Merge(w)
		if err := q.budget.touch(len(made[i])); err != nil {
			return nil, err
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(rest))
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			var raw column.Raw
			for i := len(rest) * w / workers; i < len(rest)*(w+1)/workers; i++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				for k, series := range made[i] {
					seriespoints.Fill(&raw, series, q.starts)
					if err := each(rest[i].index*within+k, &raw); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return warnings, g.Wait()
}
