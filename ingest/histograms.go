package ingest

import (
	"math"

	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

// AddHistogram takes one point of a histogram with explicit bounds, or counts
// it as rejected. The times and the kind of h are filled in.
func (in *PointIntake) AddHistogram(p *Point, h *histcol.Point) {
	f := in.next()
	if f.reason == "" {
		f = in.explicit(p, h)
	}
	in.count(f)
}

func (in *PointIntake) explicit(p *Point, h *histcol.Point) fault {
	if len(h.Bounds) == 0 && len(h.Counts) == 0 {
		h.Counts = append(h.Counts, h.Count) // no buckets sent: one holds everything
	}
	if f := in.limits.buckets(h.Bounds, h.Counts); f.reason != "" {
		return f
	}
	h.Kind = histcol.KindExplicit
	return in.histogram(p, h)
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

// AddExponential takes one point of an exponential histogram, or counts it as
// rejected; it is stored as it was sent. The times and the kind of h are
// filled in.
func (in *PointIntake) AddExponential(p *Point, h *histcol.Point) {
	f := in.next()
	if f.reason == "" {
		f = in.exponential(p, h)
	}
	in.count(f)
}

func (in *PointIntake) exponential(p *Point, h *histcol.Point) fault {
	if f := in.limits.exponential(h); f.reason != "" {
		return f
	}
	h.Kind = histcol.KindExponential
	return in.histogram(p, h)
}

// The scales at which the boundaries of exponential buckets are float64
// values that differ: base 2^(2^-scale).
const (
	minScale = -11
	maxScale = 52
)

func (l *Limits) exponential(h *histcol.Point) fault {
	if h.Scale < minScale || h.Scale > maxScale {
		return fault{reason: BucketsInvalid, field: "scale", got: int64(h.Scale)}
	}
	if f := l.side("positive", h.PositiveOffset, h.PositiveCounts); f.reason != "" {
		return f
	}
	if f := l.side("negative", h.NegativeOffset, h.NegativeCounts); f.reason != "" {
		return f
	}
	if z := h.ZeroThreshold; !(z >= 0) || math.IsInf(z, 1) {
		return fault{reason: BucketsInvalid, field: "zeroThreshold", got: int64(z)}
	}
	return fault{}
}

func (l *Limits) side(name string, offset int32, counts []uint64) fault {
	if n := len(counts); n > l.Buckets {
		return fault{reason: BucketCount, field: name + ".bucketCounts", got: int64(n), limit: int64(l.Buckets)}
	}
	if int64(offset)+int64(len(counts)) > math.MaxInt32 {
		return fault{reason: BucketsInvalid, field: name + ".offset", got: int64(offset)}
	}
	return fault{}
}

// histogram stores a point whose buckets are right.
func (in *PointIntake) histogram(p *Point, h *histcol.Point) fault {
	if f := in.enter(p); f.reason != "" {
		return f
	}
	h.Time, h.Start = p.Time/1e6, p.Start/1e6
	if p.NoRecordedValue {
		h.Flags |= histcol.NoRecordedValue
	}
	fp, f := in.fingerprint(p)
	if f.reason != "" {
		return f
	}
	in.batch.Histogram(fp, h)
	in.exemplars(fp, p)
	return fault{}
}
