package metricexec

import (
	"context"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/promplan"
)

var _ grideval.Source = (*queryable)(nil)

// Select makes a queryable a source of the grid evaluator: the series Prometheus's
// engine would be given, in the same order.
func (q *queryable) Select(ctx context.Context, r grideval.Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	select {
	case q.slots <- struct{}{}:
		defer func() { <-q.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	reader := &querier{queryable: q, from: r.From, to: r.To}
	all, warnings, err := reader.read(ctx, promplan.Hints(r), newSelector(r.Selector.Matchers))
	if err != nil {
		return warnings, err
	}
	var raw column.Raw
	for i, s := range all {
		fill(&raw, s)
		if err := each(i, &raw); err != nil {
			return warnings, err
		}
	}
	return warnings, nil
}

// fill copies the points of a series, which others may hold too.
func fill(raw *column.Raw, s storage.Series) {
	raw.Labels, raw.Starts, raw.Histograms = s.Labels(), nil, nil
	raw.Times, raw.Values = raw.Times[:0], raw.Values[:0]
	if own, ok := s.(*series); ok {
		c := own.points()
		raw.Times = append(raw.Times, c.times...)
		if c.histograms != nil {
			raw.Values = append(raw.Values, make([]float64, len(c.times))...)
			raw.Histograms = append(raw.Histograms, c.histograms...)
			return
		}
		raw.Values = append(raw.Values, c.floats...)
		return
	}
	it := s.Iterator(nil)
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		v, h := 0.0, (*histogram.FloatHistogram)(nil)
		if kind == chunkenc.ValFloat {
			_, v = it.At()
		} else {
			_, h = it.AtFloatHistogram(nil)
		}
		raw.Times, raw.Values, raw.Histograms = append(raw.Times, it.AtT()), append(raw.Values, v), append(raw.Histograms, h)
	}
}
