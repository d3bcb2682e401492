package metricexec

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// RawSeries is a series with its samples as an evaluator that is not
// Prometheus's reads them. NaNs other than stale markers are left out; native
// histograms are none, except that those with custom buckets are seen as classic
// ones.
type RawSeries struct {
	Labels labels.Labels
	Times  []int64 // Unix ms, ascending
	Values []float64
}

// Reader reads for one evaluation, within the limits of the engine.
type Reader struct{ q *queryable }

// NewReader makes a reader.
func (e *Engine) NewReader(t tenant.ID) *Reader {
	q := e.queryable(t)
	q.series.View = seriesview.Classic
	return &Reader{q}
}

// Limits are the engine's.
func (e *Engine) Limits() Limits { return e.config.Limits }

// Stats is what was read so far.
func (r *Reader) Stats() Stats {
	return Stats{Series: r.q.budget.series.Load(), Samples: r.q.budget.samples.Load()}
}

// Read reads the samples in [from,to], Unix ms, of the series that match all
// matchers of any of the sets. With totals a delta series is its running total.
// Errors are *fault.Error.
func (r *Reader) Read(ctx context.Context, sets [][]*labels.Matcher, from, to int64, totals bool) ([]RawSeries, error) {
	var mu sync.Mutex
	read := map[int]RawSeries{}
	err := r.Each(ctx, sets, from, to, totals, func(place int, raw *RawSeries) error {
		own := RawSeries{raw.Labels, slices.Clone(raw.Times), slices.Clone(raw.Values)}
		mu.Lock()
		defer mu.Unlock()
		read[place] = own
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]RawSeries, 0, len(read))
	for _, place := range slices.Sorted(maps.Keys(read)) {
		out = append(out, read[place])
	}
	return out, nil
}

// setsApart leaves room for the places of the series of one set of matchers.
const setsApart = 1 << 44

// Each is Read that keeps nothing: each is called for a series as it arrives, from
// several goroutines. Places are in the order of Read. What each is given it may
// overwrite, and not keep.
func (r *Reader) Each(ctx context.Context, sets [][]*labels.Matcher, from, to int64, totals bool, each func(place int, raw *RawSeries) error) error {
	read := grideval.Read{From: from, To: to}
	Normalise(sets)
	var known firstSets
	for set, matchers := range sets {
		read.Selector = &metricplan.Selector{Matchers: matchers}
		if totals {
			read.Selector.Func = "delta"
		}
		_, err := r.q.Select(ctx, read, func(at int, raw *column.Raw) error {
			if len(sets) > 1 && !known.isFirst(set, raw.Labels) {
				return nil
			}
			if times, values := seriespoints.Floats(raw); len(times) > 0 {
				return each(set*setsApart+at, &RawSeries{raw.Labels, times, values})
			}
			return nil
		})
		if err != nil {
			return fault.Of(err)
		}
	}
	return nil
}

// firstSets knows in which set of matchers a series was seen first.
type firstSets struct {
	mu    sync.Mutex
	known map[string]int
}

func (f *firstSets) isFirst(set int, l labels.Labels) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]int{}
	}
	key := string(l.Bytes(nil))
	first, seen := f.known[key]
	if !seen {
		f.known[key] = set
	}
	return !seen || first == set
}

// Normalise gives the labels of matchers Prometheus's spelling.
func Normalise(sets [][]*labels.Matcher) {
	for _, set := range sets {
		for _, m := range set {
			if name := spelling.LabelName(m.Name); name != "" && m.Name != model.MetricNameLabel {
				m.Name = name
			}
		}
	}
}
