package columnfunc

import (
	"math"
	"slices"
)

// Bucket counts the values up to and including LE.
type Bucket struct{ LE, Count float64 }

// Buckets are those of a histogram, by LE upwards.
type Buckets []Bucket

// Repaired makes counts that only rise of such that do not: a missing count is
// that of the bucket below.
func (b Buckets) Repaired() Buckets {
	if len(b) < 2 {
		return b
	}
	out := slices.Clone(b)
	var below float64
	if math.IsNaN(out[0].Count) {
		out[0].Count = 0
	}
	below = out[0].Count
	for i := 1; i < len(out); i++ {
		if !(out[i].Count >= below) {
			out[i].Count = below
		}
		below = out[i].Count
	}
	return out
}

func (b Buckets) total() float64 { return b[len(b)-1].Count }

// Quantile is the phi-quantile, interpolated within its bucket, and the bounds
// of that; above the last finite bound it is that bound.
func (b Buckets) Quantile(phi float64) (v, low, high float64) {
	if math.IsNaN(phi) || len(b) == 0 || b.total() == 0 {
		return nan, nan, nan
	}
	inf := math.Inf(1)
	switch {
	case phi < 0:
		return -inf, -inf, b[0].Count
	case phi > 1:
		return inf, b.total(), inf
	}
	want := phi * b.total()
	var le, count float64
	for _, x := range b {
		if x.Count <= 0 {
			le = x.LE
			continue
		}
		if x.Count < want {
			le, count = x.LE, x.Count
			continue
		}
		if math.IsInf(x.LE, 0) {
			break
		}
		if x.Count == count {
			return le, le, x.Count
		}
		return le + (x.LE-le)*(want-count)/(x.Count-count), le, x.LE
	}
	for i := len(b) - 1; i >= 0; i-- {
		if !math.IsInf(b[i].LE, 0) {
			return b[i].LE, b[i].LE, inf
		}
	}
	return nan, nan, inf
}

// Share is the part of all values that is at most x, interpolated within a
// bucket, and that at the bounds of the bucket.
func (b Buckets) Share(x float64) (share, low, high float64) {
	switch {
	case math.IsNaN(x) || len(b) == 0:
		return nan, nan, nan
	case x < 0:
		return 0, 0, 0
	case math.IsInf(x, 1):
		return 1, 1, 1
	}
	var le, count float64
	for _, k := range b {
		if x >= k.LE {
			le, count = k.LE, k.Count
			continue
		}
		low = count / b.total()
		switch {
		case math.IsInf(k.LE, 1):
			return low, low, 1
		case le == x:
			return low, low, low
		}
		return low + (k.Count-count)/b.total()*(x-le)/(k.LE-le), low, k.Count / b.total()
	}
	return 1, 1, 1
}

// moments sums the middles of the finite buckets and their squares, by weight.
func (b Buckets) moments() (n, sum, squares float64) {
	var le, count float64
	for _, k := range b {
		if math.IsInf(k.LE, 0) {
			continue
		}
		middle, weight := (k.LE+le)/2, k.Count-count
		n, sum, squares = n+weight, sum+middle*weight, squares+middle*middle*weight
		le, count = k.LE, k.Count
	}
	return n, sum, squares
}

// Mean takes all values for the middle of their bucket.
func (b Buckets) Mean() float64 {
	n, sum, _ := b.moments()
	if n == 0 {
		return nan
	}
	return sum / n
}

// Variance likewise.
func (b Buckets) Variance() float64 {
	n, sum, squares := b.moments()
	if n == 0 {
		return nan
	}
	return math.Max(0, squares/n-(sum/n)*(sum/n))
}

// LimitBuckets chooses which of some cumulative buckets to keep, given what
// each holds, so that no more than limit are left: empty ones at the ends go
// first, then, of neighbours, the pair that holds least becomes one. It
// rewrites hits.
func LimitBuckets(hits []float64, limit int) []int {
	kept := make([]int, len(hits))
	for i := range kept {
		kept[i] = i
	}
	empty := func(i int) bool { return math.Abs(hits[kept[i]]) < 1e-9 }
	for len(kept) > limit && empty(len(kept)-1) {
		kept = kept[:len(kept)-1]
	}
	for len(kept) > limit && empty(0) {
		kept = kept[1:]
	}
	for len(kept) > limit {
		least, at := math.Inf(1), 1
		for i := 1; i < len(kept)-2; i++ {
			if n := hits[kept[i]] + hits[kept[i+1]]; n < least {
				least, at = n, i
			}
		}
		hits[kept[at+1]] += hits[kept[at]]
		kept = slices.Delete(kept, at, at+1)
	}
	return kept
}
