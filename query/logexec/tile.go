package logexec

import (
	"cmp"
	"math"
	"slices"
)

// tile is what is kept of the samples of a series in a stretch of time. Which
// fields are kept the aggregation says; any two tiles can be joined.
type tile struct {
	count    float64
	sum      float64
	min, max float64
	mean, m2 float64 // of the squares of distances from the mean
	first    sample
	last     sample
	all      []sample
}

type sample struct {
	time  int64
	value float64
}

// aggregator is a range aggregation: what it keeps of samples and what it makes of
// a window.
type aggregator struct {
	keepAll bool
	result  func(t *tile, w span, param float64) float64
}

// span is a window, (from, to] in Unix nanoseconds.
type span struct{ from, to int64 }

func (w span) seconds() float64 { return float64(w.to-w.from) / 1e9 }

func aggregatorOf(op string) aggregator {
	simple := func(f func(t *tile) float64) aggregator {
		return aggregator{result: func(t *tile, _ span, _ float64) float64 { return f(t) }}
	}
	switch op {
	case "rate", "bytes_rate":
		return aggregator{result: func(t *tile, w span, _ float64) float64 { return t.sum / w.seconds() }}
	case "avg_over_time":
		return simple(func(t *tile) float64 { return t.sum / t.count })
	case "min_over_time":
		return simple(func(t *tile) float64 { return t.min })
	case "max_over_time":
		return simple(func(t *tile) float64 { return t.max })
	case "stdvar_over_time":
		return simple(func(t *tile) float64 { return t.m2 / t.count })
	case "stddev_over_time":
		return simple(func(t *tile) float64 { return math.Sqrt(t.m2 / t.count) })
	case "first_over_time":
		return simple(func(t *tile) float64 { return t.first.value })
	case "last_over_time":
		return simple(func(t *tile) float64 { return t.last.value })
	case "absent_over_time":
		return simple(func(*tile) float64 { return 1 })
	case "quantile_over_time":
		return aggregator{keepAll: true, result: func(t *tile, _ span, q float64) float64 { return quantile(q, t.all) }}
	case "rate_counter":
		return aggregator{keepAll: true, result: func(t *tile, w span, _ float64) float64 { return counterRate(t.all, w) }}
	}
	return simple(func(t *tile) float64 { return t.sum }) // count, bytes and sum
}

// add takes a sample in; n is how many records it stands for.
func (t *tile) add(s sample, n float64, keep bool) {
	if keep {
		t.all = append(t.all, s)
	}
	if t.count == 0 {
		t.min, t.max, t.first, t.last = s.value, s.value, s, s
	}
	if s.value < t.min || math.IsNaN(t.min) {
		t.min = s.value
	}
	if s.value > t.max || math.IsNaN(t.max) {
		t.max = s.value
	}
	if s.time < t.first.time {
		t.first = s
	}
	if s.time >= t.last.time {
		t.last = s
	}
	t.count += n
	t.sum += s.value
	distance := s.value - t.mean
	t.mean += distance / t.count
	t.m2 += distance * (s.value - t.mean)
}

// join takes another tile in.
func (t *tile) join(o *tile) {
	if t.count == 0 {
		all := append(t.all, o.all...)
		*t = *o
		t.all = all
		return
	}
	t.all = append(t.all, o.all...)
	if o.min < t.min || math.IsNaN(t.min) {
		t.min = o.min
	}
	if o.max > t.max || math.IsNaN(t.max) {
		t.max = o.max
	}
	if o.first.time < t.first.time {
		t.first = o.first
	}
	if o.last.time >= t.last.time {
		t.last = o.last
	}
	n := t.count + o.count
	distance := o.mean - t.mean
	t.mean += distance * o.count / n
	t.m2 += o.m2 + distance*distance*t.count*o.count/n
	t.count = n
	t.sum += o.sum
}

// quantile interpolates between the two samples around q, as Prometheus does.
func quantile(q float64, samples []sample) float64 {
	switch {
	case len(samples) == 0 || math.IsNaN(q):
		return math.NaN()
	case q < 0:
		return math.Inf(-1)
	case q > 1:
		return math.Inf(1)
	}
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.value, b.value) })
	rank := q * float64(len(samples)-1)
	low := int(math.Floor(rank))
	high := min(low+1, len(samples)-1)
	weight := rank - math.Floor(rank)
	return samples[low].value*(1-weight) + samples[high].value*weight
}

// counterRate is the increase of a counter a second, resets added back, extended
// to the edges of the window as Prometheus's rate is: to an edge that is nearer
// than 1.1 mean distances of samples, else by half of one, and not to before the
// counter was 0. A single sample has none: 0.
func counterRate(samples []sample, w span) float64 {
	if len(samples) < 2 {
		return 0
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.time, b.time) })
	first, last := samples[0], samples[len(samples)-1]
	increase := last.value - first.value
	for i := 1; i < len(samples); i++ {
		if samples[i].value < samples[i-1].value {
			increase += samples[i-1].value
		}
	}
	sampled := float64(last.time-first.time) / 1e9
	mean := sampled / float64(len(samples)-1)
	before, behind := float64(first.time-w.from)/1e9, float64(w.to-last.time)/1e9
	if before >= 1.1*mean {
		before = mean / 2
	}
	if increase > 0 && first.value >= 0 {
		before = math.Min(before, sampled*first.value/increase)
	}
	if behind >= 1.1*mean {
		behind = mean / 2
	}
	return increase * (sampled + before + behind) / sampled / w.seconds()
}
