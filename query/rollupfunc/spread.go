package rollupfunc

import (
	"strconv"

	"github.com/VictoriaMetrics/metrics"
)

// Histogram counts the values of a window by the ranges of VictoriaMetrics'
// histograms (label vmrange).
func Histogram() Spread {
	var h metrics.Histogram
	return func(w *Window, emit func(string, float64)) {
		h.Reset()
		for _, v := range w.Values {
			h.Update(v)
		}
		h.VisitNonZeroBuckets(func(vmrange string, count uint64) { emit(vmrange, float64(count)) })
	}
}

// CountValues counts how often each value is in a window.
func CountValues() Spread {
	return func(w *Window, emit func(string, float64)) {
		counts := map[float64]int{}
		for _, v := range w.Values {
			counts[v]++
		}
		for v, n := range counts {
			emit(strconv.FormatFloat(v, 'g', -1, 64), float64(n))
		}
	}
}

// QuantilesOf is several quantiles of a window, by their phi as text.
func QuantilesOf(phis []float64) Spread {
	return func(w *Window, emit func(string, float64)) {
		if w.empty() {
			return
		}
		for i, q := range Quantiles(phis, w.Values) {
			emit(strconv.FormatFloat(phis[i], 'g', -1, 64), q)
		}
	}
}
