package metricexec

import (
	"context"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// RawSeries is a series with its samples as an evaluator that is not
// Prometheus's reads them. NaNs other than stale markers are left out; native
// histograms are none, except that those with custom buckets are seen as classic
// ones. The slices are the reader's to keep.
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
	hints := &storage.SelectHints{Start: from, End: to}
	if totals {
		hints.Func = "delta"
	}
	var out []RawSeries
	seen := map[string]bool{}
	Normalise(sets)
	for _, matchers := range sets {
		q := &querier{queryable: r.q, from: from, to: to}
		found, _, err := q.read(ctx, hints, seriesview.NewSelector(matchers, nil))
		if err != nil {
			return nil, fault.Of(err)
		}
		for _, s := range found {
			if len(sets) > 1 {
				key := s.Labels().String()
				if seen[key] {
					continue
				}
				seen[key] = true
			}
			if times, values := seriespoints.Floats(s); len(times) > 0 {
				out = append(out, RawSeries{s.Labels(), times, values})
			}
		}
	}
	return out, nil
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
