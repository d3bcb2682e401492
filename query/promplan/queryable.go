package promplan

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
)

// fromQueryable reads a Prometheus storage as a source.
type fromQueryable struct{ queryable storage.Queryable }

// Select reads series by series.
func (f *fromQueryable) Select(ctx context.Context, r grideval.Read, each func(int, *column.Raw) error) (annos annotations.Annotations, err error) {
	q, err := f.queryable.Querier(r.From, r.To)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	set := q.Select(ctx, false, Hints(r), r.Selector.Matchers...)
	var (
		it  chunkenc.Iterator
		raw column.Raw
	)
	for i := 0; set.Next(); i++ {
		s := set.At()
		raw.Labels = s.Labels()
		it = s.Iterator(it)
		if err := samples(it, r, &raw); err != nil {
			return set.Warnings(), err
		}
		if err := each(i, &raw); err != nil {
			return set.Warnings(), err
		}
	}
	return set.Warnings(), set.Err()
}

// Hints are what Prometheus's engine would tell a storage about a read.
func Hints(r grideval.Read) *storage.SelectHints {
	return &storage.SelectHints{Start: r.From, End: r.To, Step: r.Step, Range: r.Range, Func: r.Selector.Func}
}

func samples(it chunkenc.Iterator, r grideval.Read, raw *column.Raw) error {
	raw.Times, raw.Values, raw.Histograms, raw.Starts = raw.Times[:0], raw.Values[:0], nil, nil
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		t := it.AtT()
		if t < r.From || t > r.To {
			continue
		}
		var (
			v float64
			h *histogram.FloatHistogram
		)
		if kind == chunkenc.ValFloat {
			_, v = it.At()
		} else {
			_, h = it.AtFloatHistogram(nil)
		}
		if h != nil && raw.Histograms == nil {
			raw.Histograms = make([]*histogram.FloatHistogram, len(raw.Times))
		}
		raw.Times, raw.Values = append(raw.Times, t), append(raw.Values, v)
		if raw.Histograms != nil {
			raw.Histograms = append(raw.Histograms, h)
		}
		if r.Starts {
			raw.Starts = append(raw.Starts, it.AtST())
		}
	}
	return it.Err()
}
