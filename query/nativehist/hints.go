package nativehist

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
)

// Hint tells each histogram of a series, which are in the order of time, whether
// the counter was reset since the one before. It is found out once here, and then
// not by each function again; functions that add histograms warn by it.
//
// As in Prometheus's storage, a histogram is said to follow without a reset only if
// the one before has buckets of the same kind. What a sender says of that is not
// relied on: the one before may have been lost on the way. That there was a reset,
// or that a histogram is a gauge, is the sender's to say.
func Hint(series []*histogram.FloatHistogram) {
	for i, h := range series {
		if h.CounterResetHint == histogram.GaugeType || h.CounterResetHint == histogram.CounterReset || value.IsStaleNaN(h.Sum) {
			continue
		}
		if i == 0 {
			continue // nothing to compare with
		}
		h.CounterResetHint = histogram.UnknownCounterReset
		if before := series[i-1]; comparable(before, h) && !h.DetectReset(before) {
			h.CounterResetHint = histogram.NotCounterReset
		}
	}
}

// comparable tells whether the counts of two histograms can be told apart bucket by
// bucket.
func comparable(before, h *histogram.FloatHistogram) bool {
	return before.CounterResetHint != histogram.GaugeType && !value.IsStaleNaN(before.Sum) &&
		before.Schema == h.Schema && before.ZeroThreshold == h.ZeroThreshold &&
		histogram.CustomBucketBoundsMatch(before.CustomValues, h.CustomValues)
}
