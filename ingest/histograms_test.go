package ingest

import (
	"math"
	"testing"
)

func TestBuckets(t *testing.T) {
	limits := Limits{Buckets: 4}
	for _, c := range []struct {
		bounds []float64
		counts []uint64
	}{
		{[]float64{1, 2, 3, 4}, []uint64{1, 1, 1, 1, 1}}, // over ingest.Limits.Buckets
		{[]float64{math.NaN()}, []uint64{1, 1}},
		{[]float64{1, math.Inf(1)}, []uint64{1, 1, 1}},
		{nil, []uint64{1, 2}},
	} {
		if f := limits.buckets(c.bounds, c.counts); f.reason == "" {
			t.Errorf("bounds %v counts %v accepted", c.bounds, c.counts)
		}
	}
}
