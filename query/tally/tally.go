package tally

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/kahansum"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// Tally is an aggregation of floats under way: of each step, what the columns so far
// came to. Columns are added one after another, in the order of their series, as
// sums depend on it. Nothing is to be read of it before End.
type Tally struct {
	op     parser.ItemType
	values []float64 // of each step; absent where nothing has come
	// What else an operator keeps of a step: the compensation of a sum, a mean, the
	// number of values, and whether the sum has overflown, from where on a mean goes on.
	comp, mean, count []float64
	incremental       []bool
}

// Can tells whether an operator can be tallied.
func Can(op parser.ItemType) bool {
	switch op {
	case parser.SUM, parser.AVG, parser.MAX, parser.MIN, parser.COUNT, parser.GROUP, parser.STDDEV, parser.STDVAR:
		return true
	}
	return false
}

// Begin makes a tally empty; values is where the result will be. It keeps its memory.
func (t *Tally) Begin(op parser.ItemType, values []float64) {
	t.op, t.values = op, values
	absent := column.Absent()
	for i := range values {
		values[i] = absent
	}
	n := len(values)
	switch op {
	case parser.SUM:
		t.comp = zeros(t.comp, n)
	case parser.AVG:
		t.comp, t.mean, t.count = zeros(t.comp, n), zeros(t.mean, n), zeros(t.count, n)
		t.incremental = slices.Grow(t.incremental[:0], n)[:n]
		clear(t.incremental)
	case parser.STDDEV, parser.STDVAR:
		t.mean, t.count = zeros(t.mean, n), zeros(t.count, n)
	}
}

func zeros(v []float64, n int) []float64 {
	v = slices.Grow(v[:0], n)[:n]
	clear(v)
	return v
}

// Size is how many cells it holds.
func (t *Tally) Size() int64 { return int64(len(t.values) + len(t.comp) + len(t.mean) + len(t.count)) }

// Add adds a column.
func (t *Tally) Add(in []float64) {
	switch t.op {
	case parser.SUM:
		t.sum(in)
	case parser.AVG:
		t.avg(in)
	case parser.MAX, parser.MIN:
		t.extreme(in)
	case parser.COUNT, parser.GROUP:
		t.countUp(in)
	default:
		t.variance(in)
	}
}

// End makes values the result, and returns them.
func (t *Tally) End() []float64 {
	switch t.op {
	case parser.SUM:
		for i, v := range t.values {
			if !column.IsAbsent(v) {
				t.values[i] = v + t.comp[i]
			}
		}
	case parser.AVG:
		t.endAvg()
	case parser.STDDEV, parser.STDVAR:
		for i, n := range t.count {
			if n == 0 {
				continue
			}
			t.values[i] /= n
			if t.op == parser.STDDEV {
				t.values[i] = math.Sqrt(t.values[i])
			}
		}
	}
	return t.values
}

// AtOnce is how many columns are added up side by side: they lie anywhere in
// memory, and the processor fetches that many while it would wait for one.
const AtOnce = 4

// sum adds up with Neumaier's compensation, beginning with the first value.
func (t *Tally) sum(in []float64) {
	dst, comp := t.values[:len(in)], t.comp[:len(in)]
	for i, v := range in {
		dst[i], comp[i] = add(v, dst[i], comp[i])
	}
}

// AddFour is Add of columns of a SUM one after another.
func (t *Tally) AddFour(in *[AtOnce][]float64) {
	n := len(t.values)
	dst, comp := t.values, t.comp[:n]
	first, second, third, fourth := in[0][:n], in[1][:n], in[2][:n], in[3][:n]
	for i, s := range dst {
		c := comp[i]
		s, c = add(first[i], s, c)
		s, c = add(second[i], s, c)
		s, c = add(third[i], s, c)
		dst[i], comp[i] = add(fourth[i], s, c)
	}
}

// add is kahansum.Inc of what may be absent, by a short way if all is finite.
func add(v, s, c float64) (sum, comp float64) {
	t := s + v
	switch {
	case t-t != 0: // infinite or NaN
		return addUnusual(v, s, c)
	case math.Abs(s) >= math.Abs(v):
		return t, c + (float64(s-t) + v)
	}
	return t, c + (float64(v-t) + s)
}

func addUnusual(v, s, c float64) (sum, comp float64) {
	switch {
	case column.IsAbsent(v):
		return s, c
	case column.IsAbsent(s):
		return v, c
	}
	return kahansum.Inc(v, s, c)
}

// avg divides the compensated sum at the end; where the sum overflows it goes on
// as an incremental mean.
func (t *Tally) avg(in []float64) {
	for i, v := range in {
		if column.IsAbsent(v) {
			continue
		}
		t.count[i]++
		n := t.count[i]
		if n == 1 {
			t.values[i] = v
			continue
		}
		if !t.incremental[i] {
			s, c := kahansum.Inc(v, t.values[i], t.comp[i])
			if !math.IsInf(s, 0) {
				t.values[i], t.comp[i] = s, c
				continue
			}
			t.incremental[i] = true
			t.mean[i] = t.values[i] / (n - 1)
			t.comp[i] /= n - 1
		}
		q := (n - 1) / n
		t.mean[i], t.comp[i] = kahansum.Inc(v/n, q*t.mean[i], q*t.comp[i])
	}
}

func (t *Tally) endAvg() {
	for i, n := range t.count {
		switch {
		case n == 0:
		case t.incremental[i]:
			t.values[i] = t.mean[i] + t.comp[i]
		default:
			t.values[i] = t.values[i]/n + t.comp[i]/n
		}
	}
}

func (t *Tally) extreme(in []float64) {
	dst, largest := t.values[:len(in)], t.op == parser.MAX
	for i, v := range in {
		if column.IsAbsent(v) {
			continue
		}
		best := dst[i] // absent is NaN, and any value is better than that
		if best != best || (largest && best < v) || (!largest && best > v) {
			dst[i] = v
		}
	}
}

func (t *Tally) countUp(in []float64) {
	dst := t.values[:len(in)]
	for i, v := range in {
		switch {
		case column.IsAbsent(v):
		case column.IsAbsent(dst[i]):
			dst[i] = 1
		case t.op == parser.COUNT:
			dst[i]++
		}
	}
}

// variance is Welford's.
func (t *Tally) variance(in []float64) {
	for i, v := range in {
		if column.IsAbsent(v) {
			continue
		}
		t.count[i]++
		if t.count[i] == 1 {
			t.mean[i], t.values[i] = v, 0
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.values[i] = math.NaN()
			}
			continue
		}
		delta := v - t.mean[i]
		t.mean[i] += delta / t.count[i]
		t.values[i] += delta * (v - t.mean[i])
	}
}
