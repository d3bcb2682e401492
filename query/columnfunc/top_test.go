package columnfunc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// What is picked point by point is what sorting all columns at every point comes to, ties included.
func TestTopIsWhatSortingComesTo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	for round := range 2000 {
		n, points, values := 1+rng.IntN(40), 1+rng.IntN(60), 1+rng.IntN(30)
		columns := make([][]float64, n)
		for c := range columns {
			columns[c] = make([]float64, points)
			for p := range columns[c] {
				switch v := rng.IntN(values + 1); {
				case v == values:
					columns[c][p] = nan
				case v == values-1 && v > 2:
					columns[c][p] = []float64{math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}[rng.IntN(3)]
				default:
					columns[c][p] = float64(v - values/2)
				}
			}
			if c > 0 && rng.IntN(8) == 0 {
				columns[c] = columns[c-1]
			}
		}
		ks, k := make([]int, points), rng.IntN(n+1)
		for p := range ks {
			if ks[p] = k; rng.IntN(4) == 0 {
				ks[p] = rng.IntN(n + 1)
			}
		}
		for _, smallest := range []bool{false, true} {
			halves := func(n int, f func(from, to int)) { f(n/2, n); f(0, n/2) }
			chosen, order := Top(columns, ks, smallest, halves)
			r := ranking{columns, smallest}
			wantChosen, wantOrder := r.sorted(ks)
			if !slices.Equal(order, wantOrder) {
				t.Fatalf("round %d: order %v, want %v", round, order, wantOrder)
			}
			for p := range ks {
				slices.Sort(chosen[p])
				slices.Sort(wantChosen[p])
				if !slices.Equal(chosen[p], wantChosen[p]) {
					t.Fatalf("round %d, point %d: %v, want %v", round, p, chosen[p], wantChosen[p])
				}
			}
		}
	}
}

// Columns that are the same for long are sorted.
func TestTopOfEqualColumns(t *testing.T) {
	column := make([]float64, 500)
	columns := slices.Repeat([][]float64{column}, 50)
	ks := slices.Repeat([]int{3}, len(column))
	chosen, order := Top(columns, ks, false, Alone)
	if want := []int32{47, 48, 49}; !slices.Equal(order, want) || !slices.Equal(chosen[499], want) {
		t.Errorf("%v of %v", chosen[499], order)
	}
}
