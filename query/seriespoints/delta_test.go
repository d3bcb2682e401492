package seriespoints

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/storage"
)

func TestTotalCurveMarksWhereAnIntervalBegins(t *testing.T) {
	got := totalCurve([]int64{20, 30, 60}, []int64{10, 20, 50})
	want := curve{times: []int64{10, 20, 30, 50, 60}, upto: []int{0, 1, 2, 2, 3}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(curve{})); diff != "" {
		t.Error(diff)
	}
}

func TestTotalCurveWithoutStartTimes(t *testing.T) {
	got := totalCurve([]int64{20, 30}, []int64{0, 0})
	want := curve{times: []int64{20, 30}, upto: []int{1, 2}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(curve{})); diff != "" {
		t.Error(diff)
	}
}

// The increase read off the curve between the edges of any window is the
// number of deltas that ended inside it.
func TestWindowCurveSumsWhatEndedInside(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var ts []int64
		for at := rng.Int64N(50); at < 1000; at += 1 + rng.Int64N(200) {
			ts = append(ts, at)
		}
		h := &storage.SelectHints{Range: 2 + rng.Int64N(300), Step: rng.Int64N(100), Func: "rate"}
		first := 300 + rng.Int64N(300)
		h.Start, h.End = first-h.Range+1, first
		if h.Step > 0 {
			h.End = first + h.Step*rng.Int64N(5)
		}
		c := windowCurve(ts, h)
		if !slices.IsSorted(c.times) || !slices.IsSorted(c.upto) {
			t.Fatalf("not a curve: %+v", c)
		}
		for right := first; right <= h.End; right += max(h.Step, 1) {
			checkWindow(t, c, ts, right-h.Range, right)
		}
	}
}

// checkWindow compares the window (left, right]; a delta in the window's very
// first millisecond cannot be told from the base and may be missing.
func checkWindow(t *testing.T, c curve, ts []int64, left, right int64) {
	t.Helper()
	var inside, atEdge int
	for _, x := range ts {
		if x > left && x <= right {
			inside++
		}
		if x == left+1 {
			atEdge++
		}
	}
	lo, _ := slices.BinarySearch(c.times, left+1)
	hi, _ := slices.BinarySearch(c.times, right+1)
	if inside == 0 {
		return
	}
	if got := c.upto[hi-1] - c.upto[lo]; got != inside-atEdge {
		t.Fatalf("window (%d,%d]: got %d deltas, want %d; ts %v curve %+v", left, right, got, inside-atEdge, ts, c)
	}
}
