package promapi

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/jsonutil"
)

// What we write ourselves is what Prometheus's own code writes.
func TestFloatsAreWrittenAsPrometheusDoes(t *testing.T) {
	points := []promql.FPoint{{T: 0, F: 0}, {T: -1, F: math.Copysign(0, -1)}, {T: 1_700_000_000_001, F: math.NaN()}, {T: 1010, F: math.Inf(1)},
		{T: 1100, F: math.Inf(-1)}, {T: 5, F: 1e-7}, {T: 50, F: 1e21}, {T: 500, F: 1e20}, {T: -1500, F: 1 << 53}, {T: 7, F: -(1 << 53)}, {T: 8, F: 123456789}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		points = append(points, promql.FPoint{T: rng.Int64() % 1e13, F: math.Float64frombits(rng.Uint64())}, promql.FPoint{T: 1, F: float64(rng.Int64() >> rng.IntN(60))})
	}
	got := encoded(t, func(e encoder) { e.floats(points, new(stamps)) })
	want := encoded(t, func(e encoder) {
		e.WriteArrayStart()
		for i, p := range points {
			e.separate(i)
			e.point(p.T, func() { jsonutil.MarshalFloat(p.F, e.Stream) })
		}
		e.WriteArrayEnd()
	})
	if got != want {
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("differs at byte %d: got %.40s, want %.40s", i, got[max(0, i-10):], want[max(0, i-10):])
			}
		}
		t.Fatal("longer than it should be")
	}
}

// Series of one answer whose times differ, with gaps, and one after another, are written as each alone is.
func TestStampsOfSeveralSeries(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	var times stamps
	for range 50 {
		var points []promql.FPoint
		for at := rng.Int64N(100) - 50; at < 400; at += 1 + rng.Int64N(3) {
			points = append(points, promql.FPoint{T: at * 250, F: float64(at)})
		}
		got := encoded(t, func(e encoder) { e.floats(points, &times) })
		if want := encoded(t, func(e encoder) { e.floats(points, new(stamps)) }); got != want {
			t.Fatalf("got %.200s, want %.200s", got, want)
		}
	}
}
