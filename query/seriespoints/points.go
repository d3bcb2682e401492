package seriespoints

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// series is one series of an answer; its points are made when they are read.
type series struct {
	lbls   labels.Labels
	points func() columns
}

func (s *series) Labels() labels.Labels { return s.lbls }

func (s *series) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	return s.points().iterator(reuse)
}

// Points holds what has been read of the series of one selector, by
// fingerprint.
type Points struct {
	stored   map[uint64]*metricstore.SeriesRow
	whole    map[uint64]bool // series not taken apart
	samples  map[uint64]deltas
	explicit map[uint64]*explicit
	native   map[uint64]*native
	starts   bool // of samples are wanted
}

// New makes room for the points of found; with starts, the series have the starts
// of their samples where those are known.
func New(found []seriesview.Series, starts bool) *Points {
	p := &Points{
		stored:   make(map[uint64]*metricstore.SeriesRow),
		whole:    make(map[uint64]bool),
		samples:  make(map[uint64]deltas),
		explicit: make(map[uint64]*explicit),
		native:   make(map[uint64]*native),
		starts:   starts,
	}
	for _, v := range found {
		p.stored[v.Stored.Fingerprint] = v.Stored
		if v.Part == seriesview.Whole {
			p.whole[v.Stored.Fingerprint] = true
		}
	}
	return p
}

// Fingerprints splits the series by where their points are, and what of them is
// needed: of deltas, when they began.
func (p *Points) Fingerprints() (plain, delta, histograms []uint64) {
	for fp, s := range p.stored {
		switch {
		case seriesview.HasHistograms(s):
			histograms = append(histograms, fp)
		case seriesview.IsDelta(s):
			delta = append(delta, fp)
		default:
			plain = append(plain, fp)
		}
	}
	return plain, delta, histograms
}

// Samples keeps the samples of a series, and the slices. Starts may be nil where
// they are not needed.
func (p *Points) Samples(fp uint64, times, starts []int64, values []float64) {
	p.samples[fp] = deltas{times, starts, values}
}

// Histograms keeps the points of a histogram series and tells how many numbers
// they hold.
func (p *Points) Histograms(h *samplestore.Histograms) (size int) {
	var (
		e = new(explicit)
		n = new(native)
	)
	for i := range h.Points {
		r := &h.Points[i]
		size += 1 + len(r.Counts) + len(r.PositiveCounts) + len(r.NegativeCounts)
		if r.Kind == histcol.KindExponential || p.whole[h.Fingerprint] {
			n.add(r)
		} else {
			e.add(r)
		}
	}
	if len(e.times) > 0 {
		p.explicit[h.Fingerprint] = e
	}
	if len(n.times) > 0 || n.unfit != nil {
		p.native[h.Fingerprint] = n
	}
	return size
}

// Series makes the series of found, which is sorted by labels. Stored series
// with equal labels (a process that restarted, say, has a new resource) become
// one; where cumulative ones of them overlap in time a warning says so.
func (p *Points) Series(found []seriesview.Series, hints *storage.SelectHints, s seriesview.Selector) ([]storage.Series, annotations.Annotations, error) {
	b := builder{Points: p, mode: deltaModeOf(hints), hints: hints}
	for i := 0; i < len(found); {
		j := i + 1
		for j < len(found) && labels.Equal(found[i].Labels, found[j].Labels) {
			j++
		}
		if found[i].Part == seriesview.Buckets {
			b.buckets(found[i:j], s)
		} else if err := b.one(found[i].Labels, found[i:j]); err != nil {
			return nil, nil, err
		}
		i = j
	}
	return b.out, b.warnings, nil
}

type builder struct {
	*Points
	mode     deltaMode
	hints    *storage.SelectHints
	out      []storage.Series
	warnings annotations.Annotations
}

// buckets adds the _bucket series of histograms with equal labels that the
// selector asks for.
func (b *builder) buckets(group []seriesview.Series, s seriesview.Selector) {
	var all []float64
	for _, v := range group {
		if e := b.explicit[v.Stored.Fingerprint]; e != nil {
			all = append(all, e.bounds()...)
		}
	}
	slices.Sort(all)
	for _, bound := range slices.Compact(all) {
		if le := seriesview.FormatBound(bound); s.MatchesLE(le) {
			b.floats(seriesview.WithLE(group[0].Labels, le), group, func(v seriesview.Series) deltas {
				if e := b.explicit[v.Stored.Fingerprint]; e != nil {
					return e.bucket(bound)
				}
				return deltas{}
			})
		}
	}
}

// one adds the series of stored series that are not buckets.
func (b *builder) one(lbls labels.Labels, group []seriesview.Series) error {
	var floats, natives []seriesview.Series
	for _, v := range group {
		switch {
		case !v.IsNative():
			floats = append(floats, v)
		case b.native[v.Stored.Fingerprint] != nil:
			natives = append(natives, v)
		}
	}
	if len(natives) > 0 {
		return b.natives(lbls, natives, floats)
	}
	b.floats(lbls, floats, b.plain)
	return nil
}

// plain is the points of a float series or of the _sum or _count of a histogram.
func (b *builder) plain(v seriesview.Series) deltas {
	fp := v.Stored.Fingerprint
	switch e := b.explicit[fp]; {
	case v.Part == seriesview.Whole:
		return b.samples[fp]
	case e == nil:
		return deltas{}
	case v.Part == seriesview.Sum:
		return e.sums()
	default:
		return e.counts()
	}
}

// floats adds one float series made of a group.
func (b *builder) floats(lbls labels.Labels, group []seriesview.Series, read func(seriesview.Series) deltas) {
	if !b.hasPoints(group) {
		return
	}
	delta := seriesview.IsDelta(group[0].Stored)
	b.warnOverlap(lbls, group)
	b.out = append(b.out, &series{lbls, func() columns {
		parts := make([]deltas, len(group))
		for i, v := range group {
			parts[i] = read(v)
		}
		d := merge(parts, delta)
		if !delta || b.mode == deltaRaw {
			c := columns{times: d.times, floats: d.values}
			if b.starts {
				c.starts = d.start
			}
			return c
		}
		return d.total(b.along)
	}})
}

// natives adds one native histogram series, merged with floats of the same
// labels if there are any.
func (b *builder) natives(lbls labels.Labels, group, floats []seriesview.Series) error {
	parts := make([]storage.Series, 0, len(group)+1)
	for _, v := range group {
		n := b.native[v.Stored.Fingerprint]
		if n.unfit != nil {
			b.warn(fmt.Errorf("%w: points of %q left out: %w", annotations.PromQLWarning, v.Stored.Name, n.unfit))
		}
		cols := n.raw(v.Stored)
		if b.starts {
			cols.starts = n.start
		}
		if seriesview.IsDelta(v.Stored) && b.mode != deltaRaw {
			var err error
			if cols, err = n.total(b.along); err != nil {
				return err
			}
		}
		if len(cols.times) > 0 {
			parts = append(parts, &series{lbls, func() columns { return cols }})
		}
	}
	b.warnOverlap(lbls, group)
	if before := len(b.out); len(floats) > 0 {
		b.floats(lbls, floats, b.plain)
		parts = append(parts, b.out[before:]...)
		b.out = b.out[:before]
	}
	switch len(parts) {
	case 0:
	case 1:
		b.out = append(b.out, parts[0])
	default:
		b.out = append(b.out, storage.ChainedSeriesMerge(parts...))
	}
	return nil
}

func (b *builder) along(ts, start []int64) curve {
	if b.mode == deltaWindow {
		return windowCurve(ts, b.hints)
	}
	return totalCurve(ts, start)
}

func (b *builder) hasPoints(group []seriesview.Series) bool {
	return slices.ContainsFunc(group, func(v seriesview.Series) bool { _, _, ok := b.span(v); return ok })
}

// span is the time of the first and last point of a series.
func (b *builder) span(v seriesview.Series) (first, last int64, ok bool) {
	fp := v.Stored.Fingerprint
	times := b.samples[fp].times
	if e := b.explicit[fp]; e != nil {
		times = e.times
	} else if n := b.native[fp]; n != nil {
		times = n.times
	}
	if len(times) == 0 {
		return 0, 0, false
	}
	return times[0], times[len(times)-1], true
}

func (b *builder) warn(err error) {
	if b.warnings == nil {
		b.warnings = *annotations.New()
	}
	b.warnings.Add(err)
}

// warnOverlap says that several senders share labels: their samples alternate,
// and rates of them mean nothing.
func (b *builder) warnOverlap(lbls labels.Labels, group []seriesview.Series) {
	if len(group) < 2 || seriesview.IsDelta(group[0].Stored) || oneSender(group) {
		return
	}
	type span struct{ first, last int64 }
	var spans []span
	for _, v := range group {
		if first, last, ok := b.span(v); ok {
			spans = append(spans, span{first, last})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	for i := 1; i < len(spans); i++ {
		if spans[i].first <= spans[i-1].last {
			b.warn(fmt.Errorf("%w: several senders share the labels of %q at the same time; promote a resource attribute that tells them apart",
				annotations.PromQLWarning, group[0].Stored.Name))
			return
		}
	}
}

// oneSender tells whether a group is what Prometheus sent as one series, in which
// floats and kinds of histograms may alternate.
func oneSender(group []seriesview.Series) bool {
	return !slices.ContainsFunc(group, func(v seriesview.Series) bool { return !v.Stored.Prometheus })
}

// merge puts points in time order. Where two have one time, deltas add up and
// of anything else the later part wins.
func merge(parts []deltas, add bool) deltas {
	if len(parts) == 1 {
		return parts[0]
	}
	starts := !slices.ContainsFunc(parts, func(p deltas) bool { return len(p.start) < len(p.times) })
	var all deltas
	for _, p := range parts {
		all.times = append(all.times, p.times...)
		if starts {
			all.start = append(all.start, p.start...)
		}
		all.values = append(all.values, p.values...)
	}
	order := make([]int, len(all.times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all.times[a], all.times[b]) })
	var out deltas
	for _, i := range order {
		n := len(out.times)
		if n > 0 && out.times[n-1] == all.times[i] {
			if add {
				out.values[n-1] += all.values[i]
				out.start[n-1] = min(out.start[n-1], all.start[i])
			} else {
				out.values[n-1] = all.values[i]
				if starts {
					out.start[n-1] = all.start[i]
				}
			}
			continue
		}
		out.times = append(out.times, all.times[i])
		if starts {
			out.start = append(out.start, all.start[i])
		}
		out.values = append(out.values, all.values[i])
	}
	return out
}

// Plain is a series of floats, by time, that are not written to any more.
func Plain(lbls labels.Labels, times []int64, values []float64) storage.Series {
	return &series{lbls, func() columns { return columns{times: times, floats: values} }}
}
