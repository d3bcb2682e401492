package rollup

import (
	"math"

	"github.com/prometheus/prometheus/util/kahansum"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// sum adds up with Neumaier's compensation.
func sum(_ []int64, vs []float64, _ int64) float64 {
	var s, c float64
	for _, v := range vs {
		s, c = kahansum.Inc(v, s, c)
	}
	if math.IsInf(s, 0) {
		return s
	}
	return s + c
}

// avg is the compensated sum divided at the end; from where the sum overflows
// on it is an incremental mean.
func avg(_ []int64, vs []float64, _ int64) float64 {
	var (
		s           = vs[0]
		c, mean     float64
		incremental bool
	)
	for i, v := range vs[1:] {
		n := float64(i + 2)
		if !incremental {
			s2, c2 := kahansum.Inc(v, s, c)
			if !math.IsInf(s2, 0) {
				s, c = s2, c2
				continue
			}
			incremental = true
			mean = s / (n - 1)
			c /= n - 1
		}
		q := (n - 1) / n
		mean, c = kahansum.Inc(v/n, q*mean, q*c)
	}
	if incremental {
		return mean + c
	}
	n := float64(len(vs))
	return s/n + c/n
}

// variance is Welford's, compensated.
func variance(_ []int64, vs []float64, _ int64) float64 {
	var n, mean, cMean, aux, cAux float64
	for _, v := range vs {
		n++
		delta := v - (mean + cMean)
		mean, cMean = kahansum.Inc(delta/n, mean, cMean)
		aux, cAux = kahansum.Inc(delta*(v-(mean+cMean)), aux, cAux)
	}
	return (aux + cAux) / n
}

func deviation(ts []int64, vs []float64, end int64) float64 { return math.Sqrt(variance(ts, vs, end)) }

func deriv(ts []int64, vs []float64, _ int64) float64 {
	slope, _ := regression(ts, vs, ts[0])
	return slope
}

// PredictLinear is the kernel of predict_linear, whose argument is how many
// seconds ahead of the step.
func PredictLinear(dst []float64, ts []int64, vs []float64, w Windows, args [][]float64) {
	c, absent := cursor{ts: ts}, column.Absent()
	for i := range dst {
		end := w.End(i)
		c.seek(end-w.Range, end)
		if c.hi-c.lo < 2 {
			dst[i] = absent
			continue
		}
		slope, intercept := regression(ts[c.lo:c.hi], vs[c.lo:c.hi], w.Time(i))
		dst[i] = slope*args[0][i] + intercept
	}
}

// regression fits a line by least squares; intercept is its value at a time.
func regression(ts []int64, vs []float64, at int64) (slope, intercept float64) {
	var n, sumX, cX, sumY, cY, sumXY, cXY, sumX2, cX2 float64
	constant := true
	for i, v := range vs {
		if constant && i > 0 && v != vs[0] {
			constant = false
		}
		n++
		x := float64(ts[i]-at) / 1e3
		sumX, cX = kahansum.Inc(x, sumX, cX)
		sumY, cY = kahansum.Inc(v, sumY, cY)
		sumXY, cXY = kahansum.Inc(x*v, sumXY, cXY)
		sumX2, cX2 = kahansum.Inc(x*x, sumX2, cX2)
	}
	if constant {
		if math.IsInf(vs[0], 0) {
			return math.NaN(), math.NaN()
		}
		return 0, vs[0]
	}
	sumX, sumY, sumXY, sumX2 = sumX+cX, sumY+cY, sumXY+cXY, sumX2+cX2
	covXY := sumXY - sumX*sumY/n
	varX := sumX2 - sumX*sumX/n
	slope = covXY / varX
	return slope, sumY/n - slope*sumX/n
}
