package rollupfunc

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// What is computed of a window's ends, and of windows that lie alike at once, is what the functions come to of each window,
// to the bit.
func TestSlopesAreThoseOfEachWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 7))
	for range 4000 {
		n, every := rng.IntN(90), int64(1+rng.IntN(3))*1000
		ts, vs := make([]int64, n), make([]float64, n)
		v, at, jitter := 0.0, int64(50_000), rng.IntN(2) == 0
		for i := range ts {
			ts[i] = at
			if at += every; jitter {
				at += rng.Int64N(400) - 200
			}
			if rng.IntN(40) == 0 {
				at += every * rng.Int64N(20)
			}
			switch v += float64(rng.IntN(20)) / 4; rng.IntN(60) {
			case 0:
				v = float64(rng.IntN(3))
			case 1:
				v = math.Inf(1)
			case 2:
				vs[i] = math.NaN()
				continue
			}
			if vs[i] = v; math.IsInf(v, 0) {
				v = 7
			}
		}
		step := every * int64(1+rng.IntN(3))
		w := rollup.Windows{Start: 50_000 + rng.Int64N(40_000) - 20_000, Step: step, Every: step, N: 1 + rng.IntN(60), Range: 500 + rng.Int64N(12_000)}
		for name, s := range slopes {
			got, want := make([]float64, w.N), make([]float64, w.N)
			s.kernel()(got, ts, vs, w, nil)
			s.of.Kernel()(want, ts, vs, w, nil)
			for i := range got {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(got[i] != got[i] && want[i] != want[i]) {
					t.Fatalf("%s of window %d of %+v: %v, want %v\n%v\n%v", name, i, w, got[i], want[i], ts, vs)
				}
			}
		}
	}
}
