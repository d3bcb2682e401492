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
	gains := gaining(counter, perSecond)
	return func(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) { gains(dst, ts, vs, nil, w) }
}

// gaining is extrapolated of samples of which some may be left out, if counts says how many there are up to each.
//
//go:noinline
func gaining(counter, perSecond bool) func(dst []float64, ts []int64, vs []float64, counts []int64, w Windows) {
	return func(dst []float64, ts []int64, vs []float64, counts []int64, w Windows) {
		c, absent := cursor{ts: ts}, column.Absent()
		dropped := drops{vs: vs}
		at := edges{}
		if perSecond {
			at.seconds = w.Seconds()
		}
		for i := range dst {
			end := w.End(i)
			if !c.again(end-w.Range, end) { // seek is too large to be inlined
				c.search(end-w.Range, end)
			}
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
			n := hi - lo
			if counts != nil {
				n = int(counts[hi] - counts[lo])
			}
			if head, tail, span := ts[lo]-(end-w.Range), end-ts[hi], ts[hi]-ts[lo]; head != at.head || tail != at.tail || span != at.span || n != at.n {
				at.move(head, tail, span, n)
			}
			factor := at.factor
			// A counter above its gain was at zero more than a distance before the window,
			// where it has two.
			if counter && gain > 0 && vs[lo] >= 0 && (vs[lo] < gain || n < 2) {
				if toZero := at.sampled * (vs[lo] / gain); toZero < at.toStart {
					factor = at.scale(toZero)
				}
			}
			dst[i] = gain * factor
		}
	}
}

// edges are how a window's samples lie in it, and what to multiply their gain
// with. Where scrapes are regular all windows of a series lie alike.
type edges struct {
	seconds          float64 // to divide by; 0 is not to
	head, tail, span int64   // ms before the first sample, after the last, between them
	n                int     // distances between samples
	sampled          float64 // seconds
	toStart, toEnd   float64 // seconds covered before and after
	factor           float64
}

func (e *edges) move(head, tail, span int64, n int) {
	e.head, e.tail, e.span, e.n = head, tail, span, n
	e.toStart, e.toEnd, e.sampled = float64(head)/1000, float64(tail)/1000, float64(span)/1000
	distance := e.sampled / float64(n)
	threshold := distance * 1.1
	if e.toStart >= threshold {
		e.toStart = distance / 2
	}
	if e.toEnd >= threshold {
		e.toEnd = distance / 2
	}
	e.factor = e.scale(e.toStart)
}

// scale is the factor with toStart seconds covered before the first sample.
func (e *edges) scale(toStart float64) float64 {
	factor := 1.0
	if e.sampled != 0 {
		factor = (e.sampled + toStart + e.toEnd) / e.sampled
	}
	if e.seconds != 0 {
		factor /= e.seconds
	}
	return factor
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
