package ingest

import (
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// explicit stores one histogram point with explicit bounds.
func (w *pointWalk) explicit(dp pmetric.HistogramDataPoint) fault {
	w.bounds = appendFloats(w.bounds[:0], dp.ExplicitBounds())
	w.counts = appendCounts(w.counts[:0], dp.BucketCounts())
	if len(w.bounds) == 0 && len(w.counts) == 0 {
		w.counts = append(w.counts, dp.Count()) // no buckets sent: one holds everything
	}
	if f := w.limits.buckets(w.bounds, w.counts); f.reason != "" {
		return f
	}
	at, start, f := w.enter(dp)
	if f.reason != "" {
		return f
	}
	w.histogram = metricstore.HistogramPoint{
		Time: at, Start: start, Kind: metricstore.KindExplicit,
		Flags: histogramFlags(dp.HasSum(), dp.HasMin(), dp.HasMax(), dp.Flags()),
		Count: dp.Count(), Sum: dp.Sum(), Min: dp.Min(), Max: dp.Max(),
		Bounds: w.bounds, Counts: w.counts,
	}
	fp := w.batch.Series(&w.series, at)
	w.batch.Histogram(fp, &w.histogram)
	w.exemplars(fp, dp.Exemplars(), dp.Timestamp())
	return fault{}
}

// buckets checks that there is one count per bucket and that bounds ascend.
func (l *Limits) buckets(bounds []float64, counts []uint64) fault {
	if len(counts) != len(bounds)+1 {
		return fault{reason: BucketCount, field: "bucketCounts", got: int64(len(counts)), limit: int64(len(bounds) + 1)}
	}
	if len(counts) > l.Buckets {
		return fault{reason: BucketCount, field: "bucketCounts", got: int64(len(counts)), limit: int64(l.Buckets)}
	}
	for i, b := range bounds {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= bounds[i-1] {
			return fault{reason: BoundsNotAscending, field: "explicitBounds", got: int64(i)}
		}
	}
	return fault{}
}

// exponential stores one exponential histogram point as it was sent.
func (w *pointWalk) exponential(dp pmetric.ExponentialHistogramDataPoint) fault {
	if f := w.limits.exponential(dp); f.reason != "" {
		return f
	}
	at, start, f := w.enter(dp)
	if f.reason != "" {
		return f
	}
	w.counts = appendCounts(w.counts[:0], dp.Positive().BucketCounts())
	w.negative = appendCounts(w.negative[:0], dp.Negative().BucketCounts())
	w.histogram = metricstore.HistogramPoint{
		Time: at, Start: start, Kind: metricstore.KindExponential,
		Flags: histogramFlags(dp.HasSum(), dp.HasMin(), dp.HasMax(), dp.Flags()),
		Count: dp.Count(), Sum: dp.Sum(), Min: dp.Min(), Max: dp.Max(),
		Scale: dp.Scale(), ZeroCount: dp.ZeroCount(), ZeroThreshold: dp.ZeroThreshold(),
		PositiveOffset: dp.Positive().Offset(), PositiveCounts: w.counts,
		NegativeOffset: dp.Negative().Offset(), NegativeCounts: w.negative,
	}
	fp := w.batch.Series(&w.series, at)
	w.batch.Histogram(fp, &w.histogram)
	w.exemplars(fp, dp.Exemplars(), dp.Timestamp())
	return fault{}
}

// The scales at which the boundaries of exponential buckets are float64
// values that differ: base 2^(2^-scale).
const (
	minScale = -11
	maxScale = 52
)

func (l *Limits) exponential(dp pmetric.ExponentialHistogramDataPoint) fault {
	if s := dp.Scale(); s < minScale || s > maxScale {
		return fault{reason: BucketsInvalid, field: "scale", got: int64(s)}
	}
	for _, side := range []struct {
		name    string
		buckets pmetric.ExponentialHistogramDataPointBuckets
	}{{"positive", dp.Positive()}, {"negative", dp.Negative()}} {
		n := side.buckets.BucketCounts().Len()
		if n > l.Buckets {
			return fault{reason: BucketCount, field: side.name + ".bucketCounts", got: int64(n), limit: int64(l.Buckets)}
		}
		if offset := int64(side.buckets.Offset()); offset+int64(n) > math.MaxInt32 {
			return fault{reason: BucketsInvalid, field: side.name + ".offset", got: offset}
		}
	}
	if z := dp.ZeroThreshold(); !(z >= 0) || math.IsInf(z, 1) {
		return fault{reason: BucketsInvalid, field: "zeroThreshold", got: int64(z)}
	}
	return fault{}
}

func histogramFlags(sum, low, high bool, flags pmetric.DataPointFlags) (f uint8) {
	if sum {
		f |= metricstore.HasSum
	}
	if low {
		f |= metricstore.HasMin
	}
	if high {
		f |= metricstore.HasMax
	}
	if flags.NoRecordedValue() {
		f |= metricstore.NoRecordedValue
	}
	return f
}

func appendFloats(dst []float64, s pcommon.Float64Slice) []float64 {
	for _, v := range s.All() {
		dst = append(dst, v)
	}
	return dst
}

func appendCounts(dst []uint64, s pcommon.UInt64Slice) []uint64 {
	for _, v := range s.All() {
		dst = append(dst, v)
	}
	return dst
}

// warn tells of exemplars left out.
func (w *pointWalk) warn() {
	if w.exemplarsLeftOut > 0 {
		w.result.Warnings = append(w.result.Warnings, fmt.Sprintf("%d exemplars left out, first: %s: %s",
			w.exemplarsLeftOut, w.exemplarFault.reason, w.exemplarFault))
	}
}
