package rollup

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// The queue finds what looking at every sample of every window finds.
func TestExtremesOfEveryWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var ts []int64
		var vs []float64
		for at := int64(0); at < 2_000; at += 1 + rng.Int64N(20) {
			v := float64(rng.IntN(9) - 4)
			if rng.IntN(6) == 0 {
				v = math.NaN()
			}
			ts, vs = append(ts, at), append(vs, v)
		}
		w := Windows{Start: rng.Int64N(300) - 100, Step: 1 + rng.Int64N(90), N: 60, Range: rng.Int64N(300)}
		most, least := make([]float64, w.N), make([]float64, w.N)
		Max(most, ts, vs, w, nil)
		Min(least, ts, vs, w, nil)
		for i := range w.N {
			top, bottom := column.Absent(), column.Absent()
			for k, at := range ts {
				if at <= w.End(i)-w.Range || at > w.End(i) {
					continue
				}
				if column.IsAbsent(top) || vs[k] > top || top != top {
					top = vs[k]
				}
				if column.IsAbsent(bottom) || vs[k] < bottom || bottom != bottom {
					bottom = vs[k]
				}
			}
			same := func(a, b float64) bool { return a == b || a != a && b != b && column.IsAbsent(a) == column.IsAbsent(b) }
			if !same(most[i], top) || !same(least[i], bottom) {
				t.Fatalf("window %d of %+v: got %g and %g, want %g and %g", i, w, most[i], least[i], top, bottom)
			}
		}
	}
}
