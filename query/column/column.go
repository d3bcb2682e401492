package column

import (
	"math"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// AbsentBits is the bit pattern of a cell that holds no float.
const AbsentBits = value.StaleNaN

// Absent is the value of a cell that holds no float.
func Absent() float64 { return math.Float64frombits(AbsentBits) }

// IsAbsent tells whether a cell holds no float. NaN is a float.
func IsAbsent(v float64) bool { return math.Float64bits(v) == AbsentBits }

// Grid is the times an expression is evaluated at: Start, Start+Step, … N of
// them, in Unix milliseconds. An instant query has N 1.
type Grid struct {
	Start, Step int64
	N           int
}

// GridOf is the grid from start to end inclusive, all in milliseconds. A step
// that is not positive means one step, at start.
func GridOf(start, end, step int64) Grid {
	if step <= 0 {
		return Grid{Start: start, Step: 1, N: 1}
	}
	if end < start {
		return Grid{Start: start, Step: step}
	}
	return Grid{Start: start, Step: step, N: int((end-start)/step) + 1}
}

// Time is the time of step i.
func (g Grid) Time(i int) int64 { return g.Start + int64(i)*g.Step }

// End is the time of the last step, Start-Step of a grid without steps.
func (g Grid) End() int64 { return g.Time(g.N - 1) }

// Instant tells whether the grid is one point in time.
func (g Grid) Instant() bool { return g.N == 1 }

// Series is one series of a result. Columns are as long as the grid; they
// belong to whoever holds the series, who may write to them. Histograms are
// shared and never written to.
type Series struct {
	Labels labels.Labels
	// DropName says that the name goes when the query ends (Prometheus's
	// delayed removal of names).
	DropName bool
	Values   []float64
	// Histograms is nil when no cell holds one. Where it holds one, Values is
	// absent.
	Histograms []*histogram.FloatHistogram
}

// New makes a series with every one of n cells absent.
func New(l labels.Labels, n int) Series { return Series{Labels: l, Values: Empty(n)} }

// Empty makes a column of n absent cells.
func Empty(n int) []float64 {
	v := make([]float64, n)
	absent := Absent()
	for i := range v {
		v[i] = absent
	}
	return v
}

// Pool lends columns again that nobody holds any more. A nil one makes all anew.
type Pool struct{ free sync.Pool }

// Get is a column of n cells with anything in them.
func (p *Pool) Get(n int) []float64 {
	if p != nil {
		if v, ok := p.free.Get().(*[]float64); ok && cap(*v) >= n {
			return (*v)[:n]
		}
	}
	return make([]float64, n)
}

// Put takes a column back.
func (p *Pool) Put(v []float64) {
	if p != nil {
		p.free.Put(&v)
	}
}

// Constant makes the series without labels whose every cell is v: a scalar.
func Constant(v float64, n int) Series {
	s := Series{Labels: labels.EmptyLabels(), Values: make([]float64, n)}
	for i := range s.Values {
		s.Values[i] = v
	}
	return s
}

// Histogram is the histogram in cell i, nil if it holds none.
func (s *Series) Histogram(i int) *histogram.FloatHistogram {
	if s.Histograms == nil {
		return nil
	}
	return s.Histograms[i]
}

// Float is the float of cell i, 0 beside a histogram.
func (s *Series) Float(i int) float64 {
	if s.Histogram(i) != nil {
		return 0
	}
	return s.Values[i]
}

// Has tells whether cell i holds a float or a histogram.
func (s *Series) Has(i int) bool { return !IsAbsent(s.Values[i]) || s.Histogram(i) != nil }

// Set puts a float, or with h not nil a histogram, into cell i.
func (s *Series) Set(i int, v float64, h *histogram.FloatHistogram) {
	if h == nil {
		s.Values[i] = v
		if s.Histograms != nil {
			s.Histograms[i] = nil
		}
		return
	}
	if s.Histograms == nil {
		s.Histograms = make([]*histogram.FloatHistogram, len(s.Values))
	}
	s.Histograms[i] = h
	s.Values[i] = Absent()
}

// Present tells whether any cell holds something.
func (s *Series) Present() bool {
	for i, v := range s.Values {
		if !IsAbsent(v) || s.Histogram(i) != nil {
			return true
		}
	}
	return false
}

// Compact leaves out the series that hold nothing, in place.
func Compact(all []Series) []Series {
	kept := all[:0]
	for i := range all {
		if all[i].Present() {
			kept = append(kept, all[i])
		}
	}
	clear(all[len(kept):])
	return kept
}

// Broadcast repeats the single cell of every series n times, in place.
func Broadcast(all []Series, n int) {
	for k := range all {
		s := &all[k]
		v, h := s.Values[0], s.Histogram(0)
		s.Values = make([]float64, n)
		for i := range s.Values {
			s.Values[i] = v
		}
		if h != nil {
			s.Histograms = make([]*histogram.FloatHistogram, n)
			for i := range s.Histograms {
				s.Histograms[i] = h
			}
		}
	}
}

// Raw is the samples of one series as stored, in the order of time, one a time.
// The slices are valid, and may be written to, during the call they are passed
// in.
type Raw struct {
	Labels   labels.Labels
	DropName bool
	Times    []int64 // Unix ms
	Values   []float64
	// Histograms, if not nil, is as long as Times; where it holds one, it counts
	// and the value does not.
	Histograms []*histogram.FloatHistogram
	// Starts, if not nil, is as long as Times: when the interval of a sample
	// began, 0 when unknown.
	Starts []int64
	// Entries, if not nil, is what a rollup keeps of the samples; nothing else is
	// there then.
	Entries *samplerollup.Entries
}

// stale tells whether a value is a stale marker.
func stale(values []float64) bool {
	for _, v := range values {
		if math.Float64bits(v) == value.StaleNaN {
			return true
		}
	}
	return false
}

// WithoutStale drops stale markers, in place.
func (r *Raw) WithoutStale() {
	if r.Histograms == nil && !stale(r.Values) {
		return
	}
	n := 0
	for i, v := range r.Values {
		stale := math.Float64bits(v) == value.StaleNaN
		if r.Histograms != nil && r.Histograms[i] != nil {
			stale = value.IsStaleNaN(r.Histograms[i].Sum)
		}
		if stale {
			continue
		}
		if n != i {
			r.Times[n], r.Values[n] = r.Times[i], v
			if r.Histograms != nil {
				r.Histograms[n] = r.Histograms[i]
			}
			if r.Starts != nil {
				r.Starts[n] = r.Starts[i]
			}
		}
		n++
	}
	r.Times, r.Values = r.Times[:n], r.Values[:n]
	if r.Histograms != nil {
		r.Histograms = r.Histograms[:n]
	}
	if r.Starts != nil {
		r.Starts = r.Starts[:n]
	}
}
