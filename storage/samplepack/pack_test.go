package samplepack_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/samplepack"
)

var stale = math.Float64frombits(0x7ff0000000000002)

// shapes are the values of series as they come.
var shapes = map[string]func(i int, rng *rand.Rand, before float64) float64{
	"constant":  func(int, *rand.Rand, float64) float64 { return 42 },
	"counter":   func(_ int, rng *rand.Rand, v float64) float64 { return v + float64(rng.IntN(100)) },
	"resetting": func(i int, rng *rand.Rand, v float64) float64 { return float64(i%50) * 1e6 },
	"cents":     func(_ int, rng *rand.Rand, _ float64) float64 { return float64(rng.IntN(100_000)) / 100 },
	"seconds":   func(_ int, rng *rand.Rand, v float64) float64 { return v + rng.Float64() },
	"bytes":     func(_ int, rng *rand.Rand, _ float64) float64 { return float64(rng.Int64N(1<<40)) * 4096 },
	"any":       func(_ int, rng *rand.Rand, _ float64) float64 { return math.Float64frombits(rng.Uint64()) },
	"odd": func(i int, _ *rand.Rand, _ float64) float64 {
		return []float64{0, math.Copysign(0, -1), math.NaN(), stale, math.Inf(1), math.Inf(-1), 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64}[i%9]
	},
	"alternating": func(i int, _ *rand.Rand, _ float64) float64 { return float64(1-i%2*2) * (1<<53 - 1) },
}

// distances are the times between samples.
var distances = map[string]func(i int, rng *rand.Rand) int64{
	"regular": func(int, *rand.Rand) int64 { return 15_000 },
	"jitter":  func(_ int, rng *rand.Rand) int64 { return 14_995 + rng.Int64N(10) },
	"any":     func(_ int, rng *rand.Rand) int64 { return int64(rng.Uint64()) },
}

func TestSamplesComeBackToTheBit(t *testing.T) {
	var p samplepack.Packer
	for shape, value := range shapes {
		for distance, next := range distances {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, n := range []int{0, 1, 2, 63, 64, 65, 66, 129, 240, 1000} {
				times, values := make([]int64, n), make([]float64, n)
				at, v := int64(1_700_000_000_000), 0.0
				for i := range n {
					v = value(i, rng, v)
					times[i], values[i] = at, v
					at += next(i, rng)
				}
				pack := p.Append(nil, times, values)
				check(t, shape+" "+distance, pack, times, values)
				if n == 1000 {
					t.Logf("%s, %s: %.2f bytes a sample", shape, distance, float64(len(pack))/float64(n))
				}
			}
		}
	}
}

func check(t *testing.T, name string, pack []byte, times []int64, values []float64) {
	t.Helper()
	ts, vs, err := samplepack.Unpack(pack, []int64{7}, []float64{7})
	if err != nil {
		t.Fatalf("%s: %d samples: %v", name, len(times), err)
	}
	if len(ts) != len(times)+1 || len(vs) != len(values)+1 || ts[0] != 7 || vs[0] != 7 {
		t.Fatalf("%s: %d times and %d values came back of %d", name, len(ts)-1, len(vs)-1, len(times))
	}
	for i := range times {
		if ts[i+1] != times[i] || math.Float64bits(vs[i+1]) != math.Float64bits(values[i]) {
			t.Fatalf("%s: sample %d of %d is %d %v, was %d %v", name, i, len(times), ts[i+1], vs[i+1], times[i], values[i])
		}
	}
}

func TestACutPackIsBroken(t *testing.T) {
	var p samplepack.Packer
	rng := rand.New(rand.NewPCG(3, 4))
	for _, value := range shapes {
		var times []int64
		var values []float64
		for i := range 100 {
			times, values = append(times, int64(i)*rng.Int64N(20_000)), append(values, value(i, rng, 1))
		}
		pack := p.Append(nil, times, values)
		for n := range pack {
			if _, _, err := samplepack.Unpack(pack[:n], nil, nil); err == nil {
				t.Fatalf("%d of %d bytes are taken for a pack", n, len(pack))
			}
		}
	}
}

// FuzzUnpack: any bytes are samples or broken, and samples come back as they are.
func FuzzUnpack(f *testing.F) {
	var p samplepack.Packer
	f.Add(p.Append(nil, []int64{1, 2, 3, 50}, []float64{1, 2.5, 3, 4}))
	f.Add(p.Append(nil, []int64{1, 2, 3, 50}, []float64{1, math.NaN(), math.Pi, 4}))
	f.Fuzz(func(t *testing.T, pack []byte) {
		times, values, err := samplepack.Unpack(pack, nil, nil)
		if err != nil {
			return
		}
		check(t, "again", p.Append(nil, times, values), times, values)
	})
}

// BenchmarkUnpack is an hour of a counter, four samples a minute.
func BenchmarkUnpack(b *testing.B) {
	var p samplepack.Packer
	for _, shape := range []string{"counter", "cents", "seconds"} {
		b.Run(shape, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			var times []int64
			var values []float64
			v := 0.0
			for i := range 240 {
				v = shapes[shape](i, rng, v)
				times, values = append(times, int64(i)*15_000), append(values, v)
			}
			pack := p.Append(nil, times, values)
			for b.Loop() {
				var err error
				if times, values, err = samplepack.Unpack(pack, times[:0], values[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(times)), "ns/sample")
			b.ReportMetric(float64(len(pack))/float64(len(times)), "B/sample")
		})
	}
}
