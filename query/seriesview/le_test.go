package seriesview

import (
	"math"
	"testing"
)

func TestFormatBound(t *testing.T) {
	for bound, want := range map[float64]string{0.005: "0.005", 1: "1", 10000000: "10000000", math.Inf(1): "+Inf"} {
		if got := FormatBound(bound); got != want {
			t.Errorf("%g: got %s, want %s", bound, got, want)
		}
	}
}
