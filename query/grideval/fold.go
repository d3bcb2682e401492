package grideval

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
	"github.com/trefoil-o11y/trefoil/query/tally"
)

// block is how many steps are folded at once: what is kept of them stays in the
// processor's nearest cache while the series go by.
const block = 512

// foldFloats folds the floats of a group at steps [from,to), in the memory of a tally.
func (a *aggregation) foldFloats(t *tally.Tally, gr *group, dst []float64, from, to int) {
	if a.Op == parser.QUANTILE {
		a.quantile(gr, dst[from:to], from)
		return
	}
	for ; from < to; from += block {
		b := min(from+block, to)
		t.Begin(a.Op, dst[from:b])
		members := gr.members
		if a.Op == parser.SUM {
			for ; len(members) >= tally.AtOnce; members = members[tally.AtOnce:] {
				var in [tally.AtOnce][]float64
				for k := range in {
					in[k] = a.in[members[k]].Values[from:b]
				}
				t.AddFour(&in)
			}
		}
		for _, m := range members {
			t.Add(a.in[m].Values[from:b])
		}
		t.End()
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
