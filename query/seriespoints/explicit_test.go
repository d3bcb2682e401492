package seriespoints

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/value"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

func TestExplicitSeries(t *testing.T) {
	var e explicit
	e.add(&histcol.Point{Time: 10, Flags: histcol.HasSum, Count: 6, Sum: 9, Bounds: []float64{1, 5}, Counts: []uint64{1, 2, 3}})
	e.add(&histcol.Point{Time: 20, Flags: 0, Count: 10, Sum: 0, Bounds: []float64{1, 5}, Counts: []uint64{2, 3, 5}})
	e.add(&histcol.Point{Time: 30, Flags: histcol.HasSum, Count: 12, Sum: 20, Bounds: []float64{2, math.Inf(1)}, Counts: []uint64{4, 8, 0}}) // bounds changed
	e.add(&histcol.Point{Time: 40, Flags: histcol.NoRecordedValue, Count: 0, Sum: 0, Bounds: nil, Counts: nil})

	stale := math.Float64frombits(value.StaleNaN)
	for _, tt := range []struct {
		name   string
		got    deltas
		times  []int64
		values []float64
	}{
		{"le=1", e.bucket(1), []int64{10, 20, 30, 40}, []float64{1, 2, stale, stale}},
		{"le=5", e.bucket(5), []int64{10, 20, 30, 40}, []float64{3, 5, stale, stale}},
		{"le=2", e.bucket(2), []int64{30, 40}, []float64{4, stale}},
		{"le=+Inf", e.bucket(math.Inf(1)), []int64{10, 20, 30, 40}, []float64{6, 10, 12, stale}},
		{"count", e.counts(), []int64{10, 20, 30, 40}, []float64{6, 10, 12, stale}},
		{"sum", e.sums(), []int64{10, 20, 30, 40}, []float64{9, stale, 20, stale}},
	} {
		if diff := cmp.Diff(tt.times, tt.got.times); diff != "" {
			t.Errorf("%s: times: %s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.values, tt.got.values, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: values: %s", tt.name, diff)
		}
	}
	if diff := cmp.Diff([]float64{1, 2, 5, math.Inf(1)}, e.bounds()); diff != "" {
		t.Error(diff)
	}
}
