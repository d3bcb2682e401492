package grideval

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// longRange is how long a range is, in ms, of which rollups are read: at least one whole day.
const longRange = 2 * 86_400_000

// thin asks for a rollup instead of samples where it comes to the same, or to what was asked for.
func (r *rolling) thin(read *Read) {
	if read.To-read.From < longRange || r.Starts {
		return
	}
	if r.Thin == nil || r.Thin.Tail == 0 && (r.Before != 0 || r.After != 0) {
		r.note("all samples: no rollup serves " + r.Name)
		return
	}
	if r.Resolution < 0 {
		r.note("all samples, as asked")
		return
	}
	length, w := r.Thin.Bucket(r.windows), r.windows
	exact := length > 0
	if near, moved := r.Thin.Near(w, r.Resolution); near > length {
		length, w, exact = near, moved, false
	}
	if length == 0 {
		r.note("all samples: windows do not begin and end on multiples of 5m")
		return
	}
	r.near = w
	read.Thin = &Thin{Aspect: r.Thin.Aspect, Length: length, Whole: exact && r.Thin.Ordered && w.Range > length, Tail: r.Thin.Tail, StaleTail: r.KeepStale, Fits: r.fits}
	read.From, read.To = min(read.From, w.End(0)-w.Range+1-r.Before), max(read.To, w.End(w.N-1)+r.After)
	bucket := time.Duration(length) * time.Millisecond
	if exact {
		r.note(fmt.Sprintf("rollups of %s", bucket))
		return
	}
	r.note(fmt.Sprintf("rollups of %s, windows moved to them", bucket))
	r.warn(fmt.Errorf("%w: windows were moved to multiples of %s, as the request allows (max_source_resolution)", annotations.PromQLInfo, bucket))
}

// fits is Thin.Fits: where NaN is no sample, none may be among what is kept.
func (r *rolling) fits(e *samplerollup.Entries) bool {
	if r.Lenient && slices.ContainsFunc(e.Values, func(v float64) bool { return v != v && !column.IsAbsent(v) }) {
		return false
	}
	return r.Thin.Fits == nil || r.Thin.Fits(e, r.near)
}

func (r *rolling) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.notes[r.Rollup]
	n.Rollup = text
	r.notes[r.Rollup] = n
}

// thinned fills a column of a series' entries.
func (r *rolling) thinned(dst []float64, e *samplerollup.Entries) {
	if r.Thin.Aspect == samplerollup.Last && !r.KeepStale {
		raw := column.Raw{Times: e.Times, Values: e.Values}
		raw.WithoutStale()
		e.Times, e.Values = raw.Times, raw.Values
	}
	if kernel := r.Thin.Kernel; kernel != nil {
		kernel(dst, e, r.near)
		return
	}
	r.Kernel(dst, e.Times, e.Values, r.near, r.args)
}
