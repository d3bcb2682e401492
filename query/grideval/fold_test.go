package grideval

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/kahansum"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/tally"
)

// Columns added up side by side come to what kahansum.Inc comes to one after another, to the bit.
func TestSumsAreThoseOfOneColumnAfterAnother(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	unusual := []float64{column.Absent(), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.Copysign(0, -1), 0, 1e-300}
	for range 500 {
		const steps = 9
		odds := 2 + rng.IntN(40)
		in := make([]column.Series, rng.IntN(12))
		gr := group{}
		for i := range in {
			gr.members = append(gr.members, i)
			in[i] = column.New(in[i].Labels, steps)
			for k := range in[i].Values {
				if in[i].Values[k] = (rng.Float64() - 0.5) * math.Pow(10, float64(rng.IntN(20))); rng.IntN(odds) == 0 {
					in[i].Values[k] = unusual[rng.IntN(len(unusual))]
				}
			}
		}
		a := &aggregation{Aggregate: &metricplan.Aggregate{Op: parser.SUM}, in: in}
		from := rng.IntN(steps)
		all := make([]float64, steps)
		got := all[from:]
		a.foldFloats(new(tally.Tally), &gr, all, from, steps)
		for k := range got {
			s, c, any := 0.0, 0.0, false
			for i := range in {
				switch v := in[i].Values[from+k]; {
				case column.IsAbsent(v):
				case !any:
					s, any = v, true
				default:
					s, c = kahansum.Inc(v, s, c)
				}
			}
			want := s + c
			if !any {
				want = column.Absent()
			}
			if math.Float64bits(got[k]) != math.Float64bits(want) && !(got[k] != got[k] && want != want && column.IsAbsent(got[k]) == column.IsAbsent(want)) {
				t.Fatalf("step %d of %d columns: %x, want %x", from+k, len(in), got[k], want)
			}
		}
	}
}
