package grideval

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/kahansum"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// block is how many steps are folded at once: their accumulators stay in the
// processor's nearest cache while the series go by.
const block = 512

// foldFloats folds the floats of a group at steps [from,to).
func (a *aggregation) foldFloats(gr *group, dst []float64, from, to int) {
	for ; from < to; from += block {
		b := min(from+block, to)
		switch a.Op {
		case parser.SUM:
			a.sum(gr, dst[from:b], from)
		case parser.AVG:
			a.avg(gr, dst[from:b], from)
		case parser.MAX, parser.MIN:
			a.extreme(gr, dst[from:b], from, a.Op == parser.MAX)
		case parser.COUNT, parser.GROUP:
			a.count(gr, dst[from:b], from)
		case parser.STDDEV, parser.STDVAR:
			a.variance(gr, dst[from:b], from)
		case parser.QUANTILE:
			a.quantile(gr, dst[from:b], from)
		}
	}
}

func absentAll(dst []float64) {
	absent := column.Absent()
	for i := range dst {
		dst[i] = absent
	}
}

// columnsAtOnce is how many columns are added up side by side: they lie anywhere in
// memory, and the processor fetches that many while it would wait for one.
const columnsAtOnce = 4

// sum adds up with Neumaier's compensation, beginning with the first value.
func (a *aggregation) sum(gr *group, dst []float64, from int) {
	var comp [block]float64
	absentAll(dst)
	n, members := len(dst), gr.members
	for ; len(members) >= columnsAtOnce; members = members[columnsAtOnce:] {
		var in [columnsAtOnce][]float64
		for k := range in {
			in[k] = a.in[members[k]].Values[from : from+n]
		}
		first, second, third, fourth := in[0][:n], in[1][:n], in[2][:n], in[3][:n]
		for i, s := range dst {
			c := comp[i]
			s, c = add(first[i], s, c)
			s, c = add(second[i], s, c)
			s, c = add(third[i], s, c)
			dst[i], comp[i] = add(fourth[i], s, c)
		}
	}
	for _, m := range members {
		for i, v := range a.in[m].Values[from : from+n] {
			dst[i], comp[i] = add(v, dst[i], comp[i])
		}
	}
	for i, v := range dst {
		if !column.IsAbsent(v) {
			dst[i] = v + comp[i]
		}
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
func (a *aggregation) avg(gr *group, dst []float64, from int) {
	var comp, mean, count [block]float64
	var incremental [block]bool
	absentAll(dst)
	for _, m := range gr.members {
		in := a.in[m].Values[from : from+len(dst)]
		for i, v := range in {
			if column.IsAbsent(v) {
				continue
			}
			count[i]++
			n := count[i]
			if n == 1 {
				dst[i] = v
				continue
			}
			if !incremental[i] {
				s, c := kahansum.Inc(v, dst[i], comp[i])
				if !math.IsInf(s, 0) {
					dst[i], comp[i] = s, c
					continue
				}
				incremental[i] = true
				mean[i] = dst[i] / (n - 1)
				comp[i] /= n - 1
			}
			q := (n - 1) / n
			mean[i], comp[i] = kahansum.Inc(v/n, q*mean[i], q*comp[i])
		}
	}
	for i := range dst {
		switch n := count[i]; {
		case n == 0:
		case incremental[i]:
			dst[i] = mean[i] + comp[i]
		default:
			dst[i] = dst[i]/n + comp[i]/n
		}
	}
}

func (a *aggregation) extreme(gr *group, dst []float64, from int, largest bool) {
	absentAll(dst)
	for _, m := range gr.members {
		in := a.in[m].Values[from : from+len(dst)]
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
}

func (a *aggregation) count(gr *group, dst []float64, from int) {
	absentAll(dst)
	for _, m := range gr.members {
		in := a.in[m].Values[from : from+len(dst)]
		for i, v := range in {
			switch {
			case column.IsAbsent(v):
			case column.IsAbsent(dst[i]):
				dst[i] = 1
			case a.Op == parser.COUNT:
				dst[i]++
			}
		}
	}
}

// variance is Welford's.
func (a *aggregation) variance(gr *group, dst []float64, from int) {
	var mean, count [block]float64
	absentAll(dst)
	for _, m := range gr.members {
		in := a.in[m].Values[from : from+len(dst)]
		for i, v := range in {
			if column.IsAbsent(v) {
				continue
			}
			count[i]++
			if count[i] == 1 {
				mean[i], dst[i] = v, 0
				if math.IsNaN(v) || math.IsInf(v, 0) {
					dst[i] = math.NaN()
				}
				continue
			}
			delta := v - mean[i]
			mean[i] += delta / count[i]
			dst[i] += delta * (v - mean[i])
		}
	}
	for i := range dst {
		if count[i] == 0 {
			continue
		}
		dst[i] /= count[i]
		if a.Op == parser.STDDEV {
			dst[i] = math.Sqrt(dst[i])
		}
	}
}

func (a *aggregation) quantile(gr *group, dst []float64, from int) {
	var values []float64
	for i := range dst {
		values = values[:0]
		for _, m := range gr.members {
			if v := a.in[m].Values[from+i]; !column.IsAbsent(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			dst[i] = column.Absent()
			continue
		}
		dst[i] = rollup.QuantileOf(a.param[from+i], values)
	}
}

// checkQuantile warns of parameters that are no quantiles, of the extreme ones
// only, as Prometheus does.
func (a *aggregation) checkQuantile() {
	lowest, highest, nan := a.bounds()
	if nan {
		a.warn(annotations.NewInvalidQuantileWarning(math.NaN(), a.ParPos))
	}
	if highest > 1 {
		a.warn(annotations.NewInvalidQuantileWarning(highest, a.ParPos))
	}
	if lowest < 0 {
		a.warn(annotations.NewInvalidQuantileWarning(lowest, a.ParPos))
	}
}

// bounds are the extremes of the parameter over all steps, as Prometheus finds
// them: NaN sticks unless an infinity comes later.
func (a *aggregation) bounds() (lowest, highest float64, nan bool) {
	if n, ok := a.Param.(*metricplan.Number); ok {
		return n.Value, n.Value, math.IsNaN(n.Value)
	}
	lowest, highest = math.MaxFloat64, -math.MaxFloat64
	for _, p := range a.param {
		lowest, highest = math.Min(lowest, p), math.Max(highest, p)
		nan = nan || math.IsNaN(p)
	}
	return lowest, highest, nan
}
