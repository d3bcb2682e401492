package rollup

import (
	"math"

	"github.com/prometheus/prometheus/util/kahansum"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// Thin is how a function is computed of what a rollup keeps of the samples, to the same bits as of all of them.
type Thin struct {
	Aspect samplerollup.Aspect
	// Kernel takes the entries of the aspect; nil means that the function's own kernel takes them for samples.
	Kernel ThinKernel
	// Open says that windows may begin anywhere; otherwise they begin where buckets do.
	Open bool
	// Ordered says that windows of more than one bucket need sums that are exact in any order.
	Ordered bool
	// Tail says that it looks at the samples next to a window, too, and at the times of so many last ones (Entries.Tail).
	Tail int
	// Fits tells whether the entries of a series do, which are not none; nil means that they always do.
	Fits func(e *samplerollup.Entries, w Windows) bool
}

// ThinKernel is a Kernel of entries of a rollup.
type ThinKernel func(dst []float64, e *samplerollup.Entries, w Windows)

// Of Prometheus's functions these can do with a rollup. Rate, increase, delta and resets look at a sample only where it
// is the first or the last of a window or next to a drop; the rest of samples only counts.
var (
	ThinLast     = &Thin{Aspect: samplerollup.Last, Open: true}
	ThinFirst    = &Thin{Aspect: samplerollup.First}
	ThinMax      = &Thin{Aspect: samplerollup.Most}
	ThinMin      = &Thin{Aspect: samplerollup.Least}
	ThinCount    = &Thin{Aspect: samplerollup.Sum, Kernel: thinWindow(thinCount)}
	ThinSum      = &Thin{Aspect: samplerollup.Sum, Kernel: thinWindow(thinSum), Ordered: true}
	ThinAvg      = &Thin{Aspect: samplerollup.Sum, Kernel: thinWindow(thinAvg), Ordered: true}
	ThinRate     = &Thin{Aspect: samplerollup.Gain, Kernel: thinGain(true, true)}
	ThinIncrease = &Thin{Aspect: samplerollup.Gain, Kernel: thinGain(true, false)}
	ThinDelta    = &Thin{Aspect: samplerollup.Gain, Kernel: thinGain(false, false)}
	ThinResets   = &Thin{Aspect: samplerollup.Gain, Kernel: func(dst []float64, e *samplerollup.Entries, w Windows) {
		Resets(dst, e.Times, e.Values, w, nil)
	}}
)

// Bucket is the longest bucket that all windows are made of, 0 if there is none.
func (t *Thin) Bucket(w Windows) int64 {
	for _, length := range []int64{samplerollup.Hour, samplerollup.FiveMinutes} {
		if w.Start%length == 0 && (w.N == 1 || w.Step%length == 0) && (t.Open || w.Range%length == 0) {
			return length
		}
	}
	return 0
}

// Near is the longest bucket up to longest, and not longer than windows are, and the windows moved to the edges of buckets:
// each ends where the last bucket before its end does, and is of as many buckets as come closest to its length. 0 means
// that windows are shorter than all buckets.
func (t *Thin) Near(w Windows, longest int64) (int64, Windows) {
	for _, length := range []int64{samplerollup.Hour, samplerollup.FiveMinutes} {
		if length <= longest && length <= w.Range {
			w.Edge = length
			w.Range = (w.Range + length/2) / length * length
			return length, w
		}
	}
	return 0, w
}

func thinGain(counter, perSecond bool) ThinKernel {
	gains := gaining(counter, perSecond)
	return func(dst []float64, e *samplerollup.Entries, w Windows) { gains(dst, e.Times, e.Values, e.Counts, w) }
}

// thinWindow is perWindow of entries.
//
//go:noinline
func thinWindow(f func(e *samplerollup.Entries, lo, hi int) float64) ThinKernel {
	return func(dst []float64, e *samplerollup.Entries, w Windows) {
		c, absent := cursor{ts: e.Times}, column.Absent()
		for i := range dst {
			end := w.End(i)
			c.seek(end-w.Range, end)
			if c.hi == c.lo {
				dst[i] = absent
				continue
			}
			dst[i] = f(e, c.lo, c.hi)
		}
	}
}

func thinCount(e *samplerollup.Entries, lo, hi int) float64 {
	n := int64(0)
	for _, k := range e.Counts[lo:hi] {
		n += k
	}
	return float64(n)
}

// added is the sum of entries and its compensation. Of one bucket it is what it was made with; a sample at midnight,
// which is an entry of its own, is added as it would have been.
func added(e *samplerollup.Entries, lo, hi int) (s, c float64) {
	s, c = e.Values[lo], e.Rest[lo]
	for k := lo + 1; k < hi; k++ {
		s, c = kahansum.Inc(e.Values[k], s, c)
		c += e.Rest[k]
	}
	return s, c
}

func thinSum(e *samplerollup.Entries, lo, hi int) float64 {
	s, c := added(e, lo, hi)
	if math.IsInf(s, 0) {
		return s
	}
	return s + c
}

func thinAvg(e *samplerollup.Entries, lo, hi int) float64 {
	s, c := added(e, lo, hi)
	n := thinCount(e, lo, hi)
	return s/n + c/n
}
