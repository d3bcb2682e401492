package samplerollup

import (
	"math"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/util/kahansum"
)

// Aspect says what is kept of the samples of a bucket. But for Last, stale markers are not samples.
type Aspect uint8

const (
	// Last is the last sample, and if a stale marker follows it, that too. It serves windows of any length that end
	// where buckets do.
	Last Aspect = iota
	// First is the first sample.
	First
	// Most is the first of the largest values, or if all are NaN the last one, at the end of the bucket.
	Most
	// Least likewise.
	Least
	// Sum is the compensated sum, what of it is to be added at the end (Rest), and how many samples it is of (Counts),
	// at the end of the bucket. The compensation depends on the order, so that sums of several buckets are what they
	// are of all samples only if Whole.
	Sum
	// Gain is the first and the last sample, those on both sides of a drop, and all that are NaN; Counts says how many
	// samples there are up to each.
	Gain
	// Aspects is how many there are.
	Aspects int = iota
)

// FiveMinutes and Hour are the lengths of buckets, in milliseconds.
const (
	FiveMinutes int64 = 300_000
	Hour        int64 = 3_600_000
	day         int64 = 86_400_000
)

// Fewest is how many samples a day has that is worth a rollup: sixteen in an hour.
const Fewest = 16 * 24

// Worth tells whether a day of so many samples is worth a rollup of buckets of a length: fewer than sixteen samples of a
// bucket are read as fast.
func Worth(samples uint64, length int64) bool { return samples >= Fewest*uint64(Hour/length) }

// Entries are what is kept of a series, in the order of time. Columns are equally long; Counts are empty unless the aspect
// is Sum or Gain, Rest unless it is Sum.
type Entries struct {
	Times  []int64 // Unix ms; of Most, Least and Sum the end of the bucket, otherwise the sample's
	Values []float64
	Counts []int64
	Rest   []float64
	// Tail is the times of the last samples of a range, if a reader asked for them.
	Tail []int64
	// Unfit says that the aspect does not do for these samples, Whole that sums of them are exact in any order.
	Unfit, Whole bool
}

// Reset makes them those of no samples.
func (e *Entries) Reset() {
	e.Times, e.Values, e.Counts, e.Rest = e.Times[:0], e.Values[:0], e.Counts[:0], e.Rest[:0]
	e.Unfit, e.Whole = false, true
}

// Thin makes e what an aspect keeps of samples, which are in the order of time and after 1970, with buckets of a length.
func (e *Entries) Thin(a Aspect, length int64, times []int64, values []float64) {
	e.Reset()
	if a == Gain {
		e.gain(length, times, values)
		return
	}
	size := 0.0 // of all values, for Whole
	for i := 0; i < len(times); {
		end := (times[i]-1)/length*length + length
		k := i + 1
		for k < len(times) && times[k] <= end {
			k++
		}
		switch bucket := values[i:k]; a {
		case Last:
			e.last(times[i:k], bucket)
		case First:
			if at := live(bucket); at < len(bucket) {
				e.append(times[i+at], bucket[at])
			}
		case Most, Least:
			e.extreme(end, bucket, a == Most)
		case Sum:
			size += e.sum(end, bucket)
		}
		i = k
	}
	e.Whole = e.Whole && size < mostWhole
}

// mostWhole bounds the sum of a day's values, without their signs, so that that of a thousand days is below 2^53.
const mostWhole = 1 << 43

func (e *Entries) append(t int64, v float64) {
	e.Times, e.Values = append(e.Times, t), append(e.Values, v)
}

// live is the index of the first sample that is no stale marker.
func live(values []float64) int {
	for i, v := range values {
		if !value.IsStaleNaN(v) {
			return i
		}
	}
	return len(values)
}

func (e *Entries) last(times []int64, values []float64) {
	n := len(values) - 1
	k := n
	for k >= 0 && value.IsStaleNaN(values[k]) {
		k--
	}
	if k >= 0 {
		e.append(times[k], values[k])
	}
	if k < n {
		e.append(times[n], values[n])
	}
}

func (e *Entries) extreme(end int64, values []float64, largest bool) {
	best, any := math.NaN(), false
	for _, v := range values {
		switch {
		case value.IsStaleNaN(v):
			continue
		case !any, best != best, v > best && largest, v < best && !largest:
			best = v
		}
		any = true
	}
	if any {
		e.append(end, best)
	}
}

// sum returns the sum of the values without their signs.
func (e *Entries) sum(end int64, values []float64) (size float64) {
	var s, c float64
	n := int64(0)
	for _, v := range values {
		if value.IsStaleNaN(v) {
			continue
		}
		n++
		s, c = kahansum.Inc(v, s, c)
		size += math.Abs(v)
		if v != math.Trunc(v) || v == 0 && math.Signbit(v) {
			e.Whole = false
		}
	}
	if n == 0 {
		return size
	}
	if math.IsInf(s, 0) { // a mean goes on in another way
		e.Unfit = true
	}
	if !(size < mostWhole) {
		e.Whole = false
	}
	e.append(end, s)
	e.Counts, e.Rest = append(e.Counts, n), append(e.Rest, c)
	return size
}

// gain keeps the samples that increases are made of. Between two neighbours that it keeps no sample is below the one
// before it, unless they were neighbours before.
func (e *Entries) gain(length int64, times []int64, values []float64) {
	var (
		n      int64 // samples so far
		end    = int64(math.MinInt64)
		before int // index of the sample before
		kept   bool
	)
	keep := func(i int, n int64) {
		e.append(times[i], values[i])
		e.Counts = append(e.Counts, n)
	}
	for i, v := range values {
		if value.IsStaleNaN(v) {
			continue
		}
		begins, drops := times[i] > end, n > 0 && v < values[before]
		if (begins || drops) && n > 0 && !kept {
			keep(before, n)
		}
		n++
		if kept = begins || drops || v != v; kept {
			keep(i, n)
		}
		if begins {
			end = (times[i]-1)/length*length + length
		}
		before = i
	}
	if n > 0 && !kept {
		keep(before, n)
	}
	e.Unfit = int64(len(e.Times)) > n/3+2*day/length // no counter: most samples are next to a drop
}
