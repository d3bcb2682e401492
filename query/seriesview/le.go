package seriesview

import (
	"math"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Inf is the le of the last bucket.
const Inf = "+Inf"

// FormatBound is the value of the le label of a bound, as Prometheus's OTLP
// receiver writes it.
func FormatBound(bound float64) string {
	if math.IsInf(bound, 1) {
		return Inf
	}
	return strconv.FormatFloat(bound, 'f', -1, 64)
}

// sameBound tells whether two le values are the same number.
func sameBound(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}

// WithLE is the labels of a bucket, of those of all.
func WithLE(l labels.Labels, le string) labels.Labels {
	return labels.NewBuilder(l).Set(model.BucketLabel, le).Labels()
}
