package nativehist

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		name          string
		counts        []uint64
		offset, shift int32
		spans         []histogram.Span
		buckets       []float64
	}{
		{"none", nil, 5, 0, nil, nil},
		{"all empty", []uint64{0, 0}, 5, 0, nil, nil},
		{"dense", []uint64{1, 2}, 0, 0, []histogram.Span{{Offset: 1, Length: 2}}, []float64{1, 2}},
		{"negative index", []uint64{1, 2}, -4, 0, []histogram.Span{{Offset: -3, Length: 2}}, []float64{1, 2}},
		{"small gap", []uint64{1, 0, 0, 2}, 0, 0, []histogram.Span{{Offset: 1, Length: 4}}, []float64{1, 0, 0, 2}},
		{"wide gap", []uint64{1, 0, 0, 0, 2}, 0, 0, []histogram.Span{{Offset: 1, Length: 1}, {Offset: 3, Length: 1}}, []float64{1, 2}},
		{"merged", []uint64{1, 2, 3, 4}, -1, 1, []histogram.Span{{Offset: 0, Length: 3}}, []float64{1, 5, 4}},
	} {
		gotSpans, gotBuckets := spans(&histcol.Point{}, tt.counts, tt.offset, tt.shift)
		if diff := cmp.Diff(tt.spans, gotSpans); diff != "" {
			t.Errorf("%s: spans: %s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.buckets, gotBuckets); diff != "" {
			t.Errorf("%s: buckets: %s", tt.name, diff)
		}
	}
}

// Every observation ends up in the native bucket that holds its value,
// whatever the scale.
func TestNativeBucketsHoldTheirObservations(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for scale := int32(-4); scale <= 11; scale++ {
		base := math.Exp2(math.Exp2(-float64(scale)))
		e := &histcol.Point{Kind: histcol.KindExponential, Scale: scale, PositiveOffset: -3, PositiveCounts: make([]uint64, 40)}
		for range 60 {
			e.PositiveCounts[rng.IntN(40)]++
			e.Count++
		}
		h, err := Of(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Validate(); err != nil {
			t.Fatalf("scale %d: %v", scale, err)
		}
		for i, n := range e.PositiveCounts {
			if n == 0 {
				continue
			}
			mid := math.Pow(base, float64(e.PositiveOffset)+float64(i)+0.5)
			if !covered(h, mid) {
				t.Fatalf("scale %d: no native bucket holds %g", scale, mid)
			}
		}
	}
}

func covered(h *histogram.FloatHistogram, v float64) bool {
	for it := h.PositiveBucketIterator(); it.Next(); {
		if b := it.At(); b.Lower < v && v <= b.Upper && b.Count > 0 {
			return true
		}
	}
	return false
}

func TestNativeOfNoRecordedValueIsStale(t *testing.T) {
	h, err := Of(&histcol.Point{Kind: histcol.KindExponential, Flags: histcol.NoRecordedValue})
	if err != nil || !value.IsStaleNaN(h.Sum) {
		t.Errorf("got %v, %v; want a staleness marker", h, err)
	}
}

func TestNativeRefusesTooCoarse(t *testing.T) {
	if _, err := Of(&histcol.Point{Kind: histcol.KindExponential, Scale: -5}); err == nil {
		t.Error("scale -5 was converted")
	}
}

// Histograms of Prometheus may count in fractions.
func TestFractions(t *testing.T) {
	bits := math.Float64bits
	p := &histcol.Point{Kind: histcol.KindExponential,
		Time: 1000, Flags: histcol.FloatCounts, Scale: 2, Count: bits(1.75), ZeroCount: bits(0.25), Sum: 3,
		PositiveOffset: 1, PositiveCounts: []uint64{bits(0.5), bits(0), bits(1)},
	}
	want := &histogram.FloatHistogram{
		Schema: 2, Count: 1.75, ZeroCount: 0.25, Sum: 3,
		PositiveSpans: []histogram.Span{{Offset: 2, Length: 3}}, PositiveBuckets: []float64{0.5, 0, 1},
	}
	got, err := Of(p)
	if err != nil || !got.Equals(want) {
		t.Fatalf("%v, %v, want %v", got, err, want)
	}
}
