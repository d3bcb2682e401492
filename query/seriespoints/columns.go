package seriespoints

import (
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// columns holds the points of one series, sorted by time (Unix ms) without
// repeats. Exactly one of floats and histograms is set, as long as times.
type columns struct {
	times      []int64
	starts     []int64 // nil unless they are wanted and known
	floats     []float64
	histograms []*histogram.FloatHistogram
}

// iterator walks columns. The columns are shared and never written to.
type iterator struct {
	columns
	at int // index of the current point, -1 before the first
}

var _ chunkenc.Iterator = (*iterator)(nil)

func (c columns) iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*iterator)
	if !ok {
		it = new(iterator)
	}
	*it = iterator{columns: c, at: -1}
	return it
}

func (it *iterator) kind() chunkenc.ValueType {
	switch {
	case it.at >= len(it.times):
		return chunkenc.ValNone
	case it.histograms != nil:
		return chunkenc.ValFloatHistogram
	default:
		return chunkenc.ValFloat
	}
}

func (it *iterator) Next() chunkenc.ValueType {
	if it.at < len(it.times) {
		it.at++
	}
	return it.kind()
}

func (it *iterator) Seek(t int64) chunkenc.ValueType {
	from := max(it.at, 0)
	if from < len(it.times) && it.times[from] < t {
		rest := it.times[from:]
		from += sort.Search(len(rest), func(i int) bool { return rest[i] >= t })
	}
	it.at = from
	return it.kind()
}

func (it *iterator) At() (int64, float64) { return it.times[it.at], it.floats[it.at] }

// AtHistogram is never asked for: points are floats or float histograms.
func (it *iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	return it.times[it.at], nil
}

func (it *iterator) AtFloatHistogram(h *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	if h == nil {
		h = new(histogram.FloatHistogram)
	}
	it.histograms[it.at].CopyTo(h)
	return it.times[it.at], h
}

func (it *iterator) AtT() int64 { return it.times[it.at] }

// AtST is zero unless start times are on: where deltas need them they have been
// used (see delta.go).
func (it *iterator) AtST() int64 {
	if it.starts == nil {
		return 0
	}
	return it.starts[it.at]
}

func (it *iterator) Err() error { return nil }
