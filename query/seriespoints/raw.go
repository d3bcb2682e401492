package seriespoints

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/trefoil-o11y/trefoil/query/column"
)

// Fill copies the points of a series, which others may hold too.
func Fill(raw *column.Raw, s storage.Series, starts bool) {
	raw.Labels, raw.Starts, raw.Histograms = s.Labels(), nil, nil
	raw.Times, raw.Values = raw.Times[:0], raw.Values[:0]
	if own, ok := s.(*series); ok {
		c := own.points()
		raw.Times = append(raw.Times, c.times...)
		if starts && c.starts != nil {
			raw.Starts = append(raw.Starts, c.starts...)
		}
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
		if starts {
			raw.Starts = append(raw.Starts, it.AtST())
		}
	}
}

// Floats are the samples of a series that are floats; NaNs other than stale markers
// are left out. Of a series that has native histograms there are none. The slices
// are those of raw, which is overwritten.
func Floats(raw *column.Raw) (times []int64, values []float64) {
	if raw.Histograms != nil {
		return nil, nil
	}
	times, values = raw.Times, raw.Values
	if !slices.ContainsFunc(values, LeftOut) {
		return times, values
	}
	n := 0
	for i, v := range values {
		if !LeftOut(v) {
			times[n], values[n] = times[i], v
			n++
		}
	}
	return times[:n], values[:n]
}

// LeftOut tells whether a value is no sample where NaN is none.
func LeftOut(v float64) bool { return math.IsNaN(v) && !value.IsStaleNaN(v) }
