package nativehist

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

// Of converts a histogram point to Prometheus's native histogram: one with
// explicit bounds to one with custom buckets.
func Of(p *histcol.Point) (*histogram.FloatHistogram, error) {
	switch {
	case p.Flags&histcol.NoRecordedValue != 0:
		return &histogram.FloatHistogram{Sum: math.Float64frombits(value.StaleNaN)}, nil
	case p.Kind == histcol.KindExplicit:
		return custom(p), nil
	}
	return exponential(p)
}

// custom converts a point with explicit bounds, which has a count more than bounds:
// bucket i ends at bound i, the last one never.
func custom(p *histcol.Point) *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{
		Schema: histogram.CustomBucketsSchema, Count: p.Number(p.Count), Sum: p.Sum,
		CustomValues: slices.Clone(p.Bounds), CounterResetHint: hint(p),
	}
	h.PositiveSpans, h.PositiveBuckets = spans(p, p.Counts, -1, 0)
	return h
}

// hint is what the sender says of resets. The numbers are the same.
func hint(p *histcol.Point) histogram.CounterResetHint {
	return histogram.CounterResetHint(p.Hint())
}

// exponential converts a point with exponential buckets. OTLP's positive bucket i covers
// (base^(offset+i), base^(offset+i+1)] with base = 2^(2^-scale); negative is its
// mirror image. Scales above the finest native schema are merged down to it;
// scales below the coarsest cannot be represented and are an error.
func exponential(p *histcol.Point) (*histogram.FloatHistogram, error) {
	if p.Scale < histogram.ExponentialSchemaMin {
		return nil, fmt.Errorf("exponential histogram: scale %d is coarser than the coarsest native schema %d",
			p.Scale, histogram.ExponentialSchemaMin)
	}
	if !sane(p.PositiveOffset) || !sane(p.NegativeOffset) {
		return nil, fmt.Errorf("exponential histogram: bucket offset %d is out of range", max(p.PositiveOffset, p.NegativeOffset))
	}
	schema := min(p.Scale, histogram.ExponentialSchemaMax)
	shift := p.Scale - schema
	h := &histogram.FloatHistogram{
		Schema:        schema,
		Count:         p.Number(p.Count),
		Sum:           p.Sum,
		ZeroCount:     p.Number(p.ZeroCount),
		ZeroThreshold: p.ZeroThreshold,

		CounterResetHint: hint(p),
	}
	h.PositiveSpans, h.PositiveBuckets = spans(p, p.PositiveCounts, p.PositiveOffset, shift)
	h.NegativeSpans, h.NegativeBuckets = spans(p, p.NegativeCounts, p.NegativeOffset, shift)
	return h, nil
}

// sane tells whether bucket indexes from offset on stay far from overflow; every
// float64 has an index inside at the finest scale OTLP allows.
func sane(offset int32) bool { return offset > -1<<30 && offset < 1<<30 }

// maxGap is the longest run of empty buckets kept inside a span; a span costs
// as much as two buckets.
const maxGap = 2

// spans turns dense OTLP buckets into native spans. OTLP bucket i ends at
// base^(i+1), native bucket i at base^i, hence the index is one higher; 2^shift
// neighbours become one bucket.
func spans(p *histcol.Point, counts []uint64, offset, shift int32) ([]histogram.Span, []float64) {
	var (
		out     []histogram.Span
		buckets []float64
		next    int32 // native index just behind the last bucket
	)
	for i, c := range counts {
		n := p.Number(c)
		if n == 0 {
			continue
		}
		index := (offset+int32(i))>>shift + 1
		switch gap := index - next; {
		case len(out) == 0:
			out = append(out, histogram.Span{Offset: index, Length: 1})
			buckets = append(buckets, n)
		case gap < 0: // merged into the bucket before
			buckets[len(buckets)-1] += n
			continue
		case gap <= maxGap:
			out[len(out)-1].Length += uint32(gap) + 1
			for range gap {
				buckets = append(buckets, 0)
			}
			buckets = append(buckets, n)
		default:
			out = append(out, histogram.Span{Offset: gap, Length: 1})
			buckets = append(buckets, n)
		}
		next = index + 1
	}
	return out, buckets
}
