package rollupfunc

import (
	"github.com/trefoil-o11y/trefoil/query/rollup"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// slope is a function that of a window with a sample before it comes to the difference of its last sample and that one,
// or to that by second. Of other windows it is what of says.
type slope struct {
	of        Func
	perSecond bool
}

// slopes are the functions that are. Of increase and rate resets are removed before.
var slopes = map[string]slope{"delta": {delta, false}, "deriv_fast": {rate, true}, "increase": {delta, false}, "rate": {rate, true}}

// kernel looks at windows of samples.
//
//go:noinline
func (s slope) kernel() rollup.Kernel {
	return func(dst []float64, ts []int64, vs []float64, w rollup.Windows, _ [][]float64) {
		s.fill(dst, ts, vs, w, near(ts, w), rollup.Stride(ts, &w))
	}
}

// thin looks at what a rollup keeps of the samples of gains.
//
//go:noinline
func (s slope) thin(counter bool) rollup.ThinKernel {
	return func(dst []float64, e *samplerollup.Entries, w rollup.Windows) {
		if counter {
			WithoutResets(e.Values)
		}
		s.fill(dst, e.Times, e.Values, w, near(e.Tail, w), 0)
	}
}

// fill fills a column. Each window begins by samples after the one before where samples are as regular as windows, otherwise
// by is 0.
func (s slope) fill(dst []float64, ts []int64, vs []float64, w rollup.Windows, around int64, by int) {
	v := view{times: ts, values: vs, around: around, width: w.Range}
	for i := 0; i < len(dst); i++ {
		end := w.End(i)
		v.move(end)
		lo, hi := v.first-1, v.behind-1
		if lo < 0 || hi == lo || ts[lo] <= end-w.Range-around || vs[lo] != vs[lo] {
			dst[i] = s.of(v.window(i))
			continue
		}
		span := 1.0
		if s.perSecond {
			span = seconds(ts[hi] - ts[lo])
		}
		dst[i] = (vs[hi] - vs[lo]) / span
		if by > 0 {
			n := alike(dst[i+1:], vs, lo, hi, by, span)
			i, v.first, v.behind = i+n, v.first+n*by, v.behind+n*by
		}
	}
}

// alike fills dst as far as windows follow that lie in the samples as the one from lo to hi does, each by samples on. It
// returns how many they are.
func alike(dst, vs []float64, lo, hi, by int, span float64) int {
	n := min(len(dst), (len(vs)-1-hi)/by)
	for i := range n {
		lo, hi = lo+by, hi+by
		if vs[lo] != vs[lo] {
			return i
		}
		dst[i] = (vs[hi] - vs[lo]) / span
	}
	return n
}
