package rollup

import "github.com/trefoil-o11y/trefoil/query/column"

// Rate, Increase and Delta extrapolate as Prometheus does.
var (
	Rate     Kernel = extrapolated(true, true)
	Increase Kernel = extrapolated(true, false)
	Delta    Kernel = extrapolated(false, false)
)

// extrapolated returns the kernel of rate (per second), increase (a counter)
// and delta (neither). What the window's samples gained, counter resets added
// back, is scaled up to the window's edges where samples come close to them: an
// edge is close when it is nearer than 1.1 of the mean distance of samples,
// otherwise half a distance is covered; a counter is not extended below zero.
//
// Resets are summed up in the order of the samples, starting from the plain
// difference, because Prometheus does and floats do not commute.
func extrapolated(counter, perSecond bool) Kernel {
	return func(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) {
		c, absent, seconds := cursor{ts: ts}, column.Absent(), w.Seconds()
		dropped := drops{vs: vs}
		for i := range dst {
			end := w.End(i)
			c.seek(end-w.Range, end)
			lo, hi := c.lo, c.hi-1
			if hi <= lo {
				dst[i] = absent
				continue
			}
			gain := vs[hi] - vs[lo]
			if counter && dropped.within(lo, hi) {
				for k := lo + 1; k <= hi; k++ {
					if vs[k] < vs[k-1] {
						gain += vs[k-1]
					}
				}
			}
			toStart := float64(ts[lo]-(end-w.Range)) / 1000
			toEnd := float64(end-ts[hi]) / 1000
			sampled := float64(ts[hi]-ts[lo]) / 1000
			distance := sampled / float64(hi-lo)
			threshold := distance * 1.1
			if toStart >= threshold {
				toStart = distance / 2
			}
			if counter {
				toZero := toStart
				if gain > 0 && vs[lo] >= 0 {
					toZero = sampled * (vs[lo] / gain)
				}
				if toZero < toStart {
					toStart = toZero
				}
			}
			if toEnd >= threshold {
				toEnd = distance / 2
			}
			factor := 1.0
			if sampled != 0 {
				factor = (sampled + toStart + toEnd) / sampled
			}
			if perSecond {
				factor /= seconds
			}
			dst[i] = gain * factor
		}
	}
}

// drops finds out whether a window has a counter reset, looking at each sample
// once: windows move forward.
type drops struct {
	vs   []float64
	seen int // samples up to here have been looked at
	last int // index of the last sample below the one before it
}

// within tells whether any sample in (lo,hi] is below the one before it.
func (d *drops) within(lo, hi int) bool {
	vs := d.vs
	for k := max(d.seen, 1); k <= hi; k++ {
		if vs[k] < vs[k-1] {
			d.last = k
		}
	}
	d.seen = max(d.seen, hi+1)
	return d.last > lo
}
