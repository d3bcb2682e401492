package rollup

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Windows that lie alike come to what each of them comes to alone, to the bit.
func TestWindowsAlikeAreWhatEachIsAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	for range 2000 {
		n, every := 2+rng.IntN(80), int64(1+rng.IntN(3))*1000
		ts, vs := make([]int64, n), make([]float64, n)
		v := float64(rng.IntN(100) - 20)
		for i := range ts {
			ts[i] = 50_000 + int64(i)*every
			v += float64(rng.IntN(20)) / 4
			switch rng.IntN(30) {
			case 0:
				v = float64(rng.IntN(3))
			case 1:
				v = []float64{math.NaN(), math.Inf(1), -1}[rng.IntN(3)]
			}
			if vs[i] = v; v != v || math.IsInf(v, 0) {
				v = 7
			}
		}
		if rng.IntN(4) == 0 { // a scrape that came late
			ts[n-1] += every / 2
		}
		w := Windows{Start: 50_000 + rng.Int64N(40_000) - 20_000, Step: every * int64(1+rng.IntN(3)), N: 1 + rng.IntN(60), Range: 500 + rng.Int64N(12_000)}
		for name, kernel := range map[string]Kernel{"rate": Rate, "increase": Increase, "delta": Delta} {
			all, one := make([]float64, w.N), make([]float64, 1)
			kernel(all, ts, vs, w, nil)
			for i := range all {
				alone := w
				alone.Start, alone.N = w.End(i), 1
				kernel(one, ts, vs, alone, nil)
				if math.Float64bits(all[i]) != math.Float64bits(one[0]) && !(all[i] != all[i] && one[0] != one[0]) {
					t.Fatalf("%s of window %d of %+v: %v, alone %v\n%v\n%v", name, i, w, all[i], one[0], ts, vs)
				}
			}
		}
	}
}
