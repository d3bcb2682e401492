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
		g := gains{vs: vs, counter: counter, resets: drops{vs: vs}}
		if perSecond {
			g.at.seconds = w.Seconds()
		}
		by := 0
		if counts == nil {
			by = Stride(ts, &w)
		}
		for i := 0; i < len(dst); i++ {
			end := w.End(i)
			if !c.again(end-w.Range, end) { // seek is too large to be inlined
				c.search(end-w.Range, end)
			}
			lo, hi := c.lo, c.hi-1
			if hi <= lo {
				dst[i] = absent
				continue
			}
			n := hi - lo
			if counts != nil {
				n = int(counts[hi] - counts[lo])
			}
			if head, tail, span := ts[lo]-(end-w.Range), end-ts[hi], ts[hi]-ts[lo]; head != g.at.head || tail != g.at.tail || span != g.at.span || n != g.at.n {
				g.at.move(head, tail, span, n)
			}
			dst[i] = g.of(lo, hi)
			switch {
			case by > 0 && lo > 0 && g.resets.last <= lo:
				k := g.alike(dst[i+1:], lo, hi, by)
				i, c.lo, c.hi = i+k, lo+k*by, hi+k*by+1
			case counts != nil && hi == lo+1 && w.Edge == 0:
				k := g.pairs(dst[i+1:], ts, counts, lo, end-w.Range, end, w.Step)
				i, c.lo, c.hi = i+k, lo+2*k, hi+2*k+1
			}
		}
	}
}

// Stride is how many samples each window begins after the one before if samples are as regular as windows, 0 otherwise.
func Stride(ts []int64, w *Windows) int {
	if len(ts) < 3 || w.Edge != 0 {
		return 0
	}
	distance := ts[1] - ts[0]
	if distance <= 0 || w.Step < distance || w.Step%distance != 0 {
		return 0
	}
	for i := 2; i < len(ts); i++ {
		if ts[i]-ts[i-1] != distance {
			return 0
		}
	}
	return int(w.Step / distance)
}

// gains is what samples gain, window by window.
type gains struct {
	vs      []float64
	counter bool
	resets  drops
	at      edges // of the window
}

// of is the value of the window of samples lo to hi.
func (g *gains) of(lo, hi int) float64 {
	vs := g.vs
	gain := vs[hi] - vs[lo]
	if g.counter && g.resets.within(lo, hi) {
		for k := lo + 1; k <= hi; k++ {
			if vs[k] < vs[k-1] {
				gain += vs[k-1]
			}
		}
	}
	return g.scaled(vs[lo], gain)
}

// scaled extrapolates a gain from the first sample.
func (g *gains) scaled(first, gain float64) float64 {
	factor := g.at.factor
	// A counter above its gain was at zero more than a distance before the window,
	// where it has two.
	if g.counter && gain > 0 && first >= 0 && (first < gain || g.at.n < 2) {
		if toZero := g.at.sampled * (first / gain); toZero < g.at.toStart {
			factor = g.at.scale(toZero)
		}
	}
	return gain * factor
}

// alike fills dst as far as windows follow that lie in the samples as the one of lo to hi does, each by samples on, and
// have no reset. It returns how many they are.
func (g *gains) alike(dst []float64, lo, hi, by int) int {
	n := min(len(dst), (len(g.vs)-1-hi)/by)
	if n == 0 {
		return 0
	}
	if g.counter {
		n = (g.resets.before(hi+n*by) - hi) / by
	}
	vs, factor := g.vs, g.at.factor
	for i := range dst[:n] {
		lo, hi = lo+by, hi+by
		first := vs[lo]
		gain := vs[hi] - first
		if first < gain || g.at.n < 2 {
			dst[i] = g.scaled(first, gain)
		} else {
			dst[i] = gain * factor
		}
	}
	return n
}

// pairs fills dst as far as windows follow of two entries each that lie in them as those at lo and behind it lie in (from,to],
// with as many samples between them and no reset. It returns how many they are.
func (g *gains) pairs(dst []float64, ts, counts []int64, lo int, from, to, step int64) int {
	vs, n := g.vs, int64(g.at.n)
	head, tail := ts[lo]-from, to-ts[lo+1]
	for i := range dst {
		lo, from, to = lo+2, from+step, to+step
		if lo+1 >= len(ts) || ts[lo]-from != head || to-ts[lo+1] != tail || ts[lo-1] > from || lo+2 < len(ts) && ts[lo+2] <= to ||
			counts[lo+1]-counts[lo] != n || g.counter && vs[lo+1] < vs[lo] {
			return i
		}
		dst[i] = g.scaled(vs[lo], vs[lo+1]-vs[lo])
	}
	return len(dst)
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

// before is the last sample before the next drop, or last if there is none up to there.
func (d *drops) before(last int) int {
	vs := d.vs
	for k := max(d.seen, 1); k <= last; k++ {
		if vs[k] < vs[k-1] {
			d.seen, d.last = k+1, k
			return k - 1
		}
	}
	d.seen = max(d.seen, last+1)
	return last
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
