package metricexec

import (
	"context"
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

// setsApart leaves room for the places of the series of one set of matchers.
const setsApart = 1 << 44

// Each reads the samples in [from,to], Unix ms, of the series that match all
// matchers of any of the sets, as an evaluator that is not Prometheus's reads them:
// NaNs other than stale markers are left out; native histograms are none, except
// that those with custom buckets are seen as classic ones. With totals a delta
// series is its running total.
//
// Each is called for a series as it arrives, from several goroutines; places are in
// the order of the sets and then of labels. What it is given it may overwrite, and
// not keep. Errors are *fault.Error.
func (r *Reader) Each(ctx context.Context, sets [][]*labels.Matcher, from, to int64, totals bool, each func(place int, raw *column.Raw) error) error {
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
				return each(set*setsApart+at, &column.Raw{Labels: raw.Labels, Times: times, Values: values})
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
