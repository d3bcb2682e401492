package metricexec

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
)

// exponential is one exponential histogram point as OTLP defines it: bucket i
// of positive covers (base^(offset+i), base^(offset+i+1)] with
// base = 2^(2^-scale); negative is its mirror image.
type exponential struct {
	stale          bool // no recorded value
	scale          int32
	count          uint64
	sum            float64
	zeroCount      uint64
	zeroThreshold  float64
	positiveOffset int32
	positive       []uint64
	negativeOffset int32
	negative       []uint64
}

// native converts a point to Prometheus's native histogram. Scales above the
// finest native schema are merged down to it; scales below the coarsest cannot
// be represented and are an error.
func (e *exponential) native() (*histogram.FloatHistogram, error) {
	if e.stale {
		return &histogram.FloatHistogram{Sum: math.Float64frombits(value.StaleNaN)}, nil
	}
	if e.scale < histogram.ExponentialSchemaMin {
		return nil, fmt.Errorf("exponential histogram: scale %d is coarser than the coarsest native schema %d",
			e.scale, histogram.ExponentialSchemaMin)
	}
	if !sane(e.positiveOffset) || !sane(e.negativeOffset) {
		return nil, fmt.Errorf("exponential histogram: bucket offset %d is out of range", max(e.positiveOffset, e.negativeOffset))
	}
	schema := min(e.scale, histogram.ExponentialSchemaMax)
	shift := e.scale - schema
	h := &histogram.FloatHistogram{
		Schema:        schema,
		Count:         float64(e.count),
		Sum:           e.sum,
		ZeroCount:     float64(e.zeroCount),
		ZeroThreshold: e.zeroThreshold,
	}
	h.PositiveSpans, h.PositiveBuckets = spans(e.positive, e.positiveOffset, shift)
	h.NegativeSpans, h.NegativeBuckets = spans(e.negative, e.negativeOffset, shift)
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
func spans(counts []uint64, offset, shift int32) ([]histogram.Span, []float64) {
	var (
		out     []histogram.Span
		buckets []float64
		next    int32 // native index just behind the last bucket
	)
	for i, n := range counts {
		if n == 0 {
			continue
		}
		index := (offset+int32(i))>>shift + 1
		switch gap := index - next; {
		case len(out) == 0:
			out = append(out, histogram.Span{Offset: index, Length: 1})
			buckets = append(buckets, float64(n))
		case gap < 0: // merged into the bucket before
			buckets[len(buckets)-1] += float64(n)
			continue
		case gap <= maxGap:
			out[len(out)-1].Length += uint32(gap) + 1
			for range gap {
				buckets = append(buckets, 0)
			}
			buckets = append(buckets, float64(n))
		default:
			out = append(out, histogram.Span{Offset: gap, Length: 1})
			buckets = append(buckets, float64(n))
		}
		next = index + 1
	}
	return out, buckets
}
