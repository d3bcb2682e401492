package readahead

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Ahead is what many evaluations read, read at once: a statement costs the
// store more than the samples it yields, and rules are many and read the same.
// An evaluation takes from it what it finds there whole and reads the rest
// itself, so an Ahead changes what is asked of the store, never an answer.
type Ahead struct {
	tenant      tenant.ID
	first, last time.Time // the days whose series are known
	selectors   map[string]*selection
	windows     []*window // the shortest first
}

// selection is one selector and the widest range it is read in.
type selection struct {
	selector seriesview.Selector
	from, to int64
	found    []seriesview.Series
}

// window is the points of series between two times.
type window struct {
	length     time.Duration // of the longest range it is for
	from, to   int64
	plain      map[uint64]samplestore.Samples // without Start
	samples    map[uint64]samplestore.Samples
	histograms map[uint64]samplestore.Histograms
}

const (
	// aheadSeries and aheadSamples bound what is read ahead, some 150 MB. What
	// is more is read evaluation by evaluation.
	aheadSeries  = 200_000
	aheadSamples = 4_000_000
)

// windowLengths are the lengths of ranges that are read together: a day of all
// series would be much to read because one rule wants it of one. Rules of one
// evaluation may be for times some minutes apart.
func windowLengths() []time.Duration {
	const apart = 10 * time.Minute
	return []time.Duration{time.Hour + apart, 6*time.Hour + apart, 24*time.Hour + apart}
}

type aheadKey struct{}

// With makes evaluations under a context take what they can from what was read
// ahead.
func (a *Ahead) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, aheadKey{}, a)
}

// Of is what was read ahead for a tenant's evaluations under a context, nil for nothing.
func Of(ctx context.Context, t tenant.ID) *Ahead {
	if a, ok := ctx.Value(aheadKey{}).(*Ahead); ok && a.tenant == t {
		return a
	}
	return nil
}

// New is nothing read ahead yet.
func New(t tenant.ID) *Ahead { return &Ahead{tenant: t, selectors: map[string]*selection{}} }

// Load reads all that is wanted.
func (a *Ahead) Load(ctx context.Context, f *seriesfind.Finder, points Source) error {
	if len(a.selectors) == 0 {
		return nil
	}
	if err := a.find(ctx, f); err != nil {
		return err
	}
	return a.load(ctx, points)
}

// Want adds what an expression reads when it is evaluated at a time, Unix ms.
func (a *Ahead) Want(r promexpr.Read, at int64) {
	from, to := at-r.Back, at-r.Ahead
	known := a.selectors[r.Key]
	if known == nil {
		a.selectors[r.Key] = &selection{selector: r.Selector, from: from, to: to}
		return
	}
	known.from, known.to = min(known.from, from), max(known.to, to)
}

// find lists the series of all selectors in one statement, by the names of
// metrics alone; matchers are checked here.
func (a *Ahead) find(ctx context.Context, f *seriesfind.Finder) error {
	names := map[string]bool{}
	first, last := int64(seriesfind.Latest), int64(seriesfind.Earliest)
	for _, r := range a.selectors {
		for _, name := range r.selector.Names() {
			names[name] = true
		}
		first, last = min(first, seriesfind.Clamp(r.from)), max(last, seriesfind.Clamp(r.to))
	}
	a.first, a.last = time.UnixMilli(first), time.UnixMilli(last)
	rows, err := f.Source.Index(ctx, a.tenant, a.first, a.last, metricstore.Selector{Names: slices.Sorted(maps.Keys(names)), Limit: aheadSeries})
	if err != nil {
		return err
	}
	all, err := f.Labels(ctx, a.first, a.last, rows, true)
	if err != nil {
		return err
	}
	byName := map[string][]metricstore.SeriesRow{}
	for _, row := range rows {
		byName[row.PromName] = append(byName[row.PromName], row)
		if row.Name != row.PromName {
			byName[row.Name] = append(byName[row.Name], row)
		}
	}
	for _, r := range a.selectors {
		r.found = seriesview.InOrder(r.selector.Visibles(f.View, rowsOf(byName, r.selector.Names()), all))
	}
	return nil
}

// rowsOf are the series that have one of the names, each once.
func rowsOf(byName map[string][]metricstore.SeriesRow, names []string) []metricstore.SeriesRow {
	if len(names) == 1 {
		return byName[names[0]]
	}
	var out []metricstore.SeriesRow
	seen := map[uint64]bool{}
	for _, name := range names {
		for _, row := range byName[name] {
			if !seen[row.Fingerprint] {
				seen[row.Fingerprint] = true
				out = append(out, row)
			}
		}
	}
	return out
}

// load reads the points, a statement or two for each length of range there is.
func (a *Ahead) load(ctx context.Context, points Source) error {
	for _, length := range windowLengths() {
		a.windows = append(a.windows, &window{length: length, from: seriesfind.Latest})
	}
	fps := make([]struct{ plain, samples, histograms []uint64 }, len(a.windows))
	for _, r := range a.selectors {
		i := slices.IndexFunc(a.windows, func(w *window) bool { return r.to-r.from <= w.length.Milliseconds() })
		if i < 0 {
			continue
		}
		w := a.windows[i]
		w.from, w.to = min(w.from, seriesfind.Clamp(r.from)), max(w.to, seriesfind.Clamp(r.to))
		for _, v := range r.found {
			switch fp := v.Stored.Fingerprint; {
			case seriesview.HasHistograms(v.Stored):
				fps[i].histograms = append(fps[i].histograms, fp)
			case seriesview.IsDelta(v.Stored):
				fps[i].samples = append(fps[i].samples, fp)
			default:
				fps[i].plain = append(fps[i].plain, fp)
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, w := range a.windows {
		g.Go(func() error { return w.load(ctx, a.tenant, points, fps[i].plain, fps[i].samples, fps[i].histograms) })
	}
	return g.Wait()
}

func (w *window) load(ctx context.Context, t tenant.ID, points Source, plain, samples, histograms []uint64) error {
	in := func(fps []uint64) samplestore.Range {
		slices.Sort(fps)
		return samplestore.Range{Fingerprints: slices.Compact(fps), From: w.from, To: w.to, Limit: aheadSamples}
	}
	var mu sync.Mutex // Stream gives series from several goroutines
	stream := func(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
		return points.Stream(ctx, t, r, func(s samplestore.Samples) error {
			s.Times, s.Values = slices.Clone(s.Times), slices.Clone(s.Values)
			mu.Lock()
			defer mu.Unlock()
			return each(s)
		})
	}
	fingerprint := func(s samplestore.Samples) uint64 { return s.Fingerprint }
	var err error
	if w.plain, err = gather(ctx, t, in(plain), stream, fingerprint); err != nil {
		return err
	}
	if w.samples, err = gather(ctx, t, in(samples), points.Samples, fingerprint); err != nil {
		return err
	}
	w.histograms, err = gather(ctx, t, in(histograms), points.Histograms, func(h samplestore.Histograms) uint64 { return h.Fingerprint })
	return err
}

// reading is a method of Source that reads the points of series, P a series'.
type reading[P any] func(ctx context.Context, t tenant.ID, r samplestore.Range, each func(P) error) (conn.Stats, error)

// gather reads the points of series by fingerprint; those that have none are
// there too.
func gather[P any](ctx context.Context, t tenant.ID, r samplestore.Range, read reading[P], fingerprint func(P) uint64) (map[uint64]P, error) {
	points := make(map[uint64]P, len(r.Fingerprints))
	if len(r.Fingerprints) == 0 {
		return points, nil
	}
	_, err := read(ctx, t, r, func(p P) error {
		points[fingerprint(p)] = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, fp := range r.Fingerprints {
		if _, ok := points[fp]; !ok {
			var none P
			points[fp] = none
		}
	}
	return points, nil
}

// floats are the samples of a series, with or without their starts.
func (w *window) floats(fp uint64) (samplestore.Samples, bool) {
	if s, ok := w.plain[fp]; ok {
		return s, true
	}
	s, ok := w.samples[fp]
	return s, ok
}

// Found are the series of a selector, if they were listed. They are shared.
func (a *Ahead) Found(from, to int64, s seriesview.Selector) ([]seriesview.Series, bool) {
	r := a.selectors[s.Key()]
	day := func(t time.Time) int64 { return t.Unix() / 86_400 }
	if r == nil || day(time.UnixMilli(seriesfind.Clamp(from))) < day(a.first) || day(time.UnixMilli(seriesfind.Clamp(to))) > day(a.last) {
		return nil, false
	}
	return r.found, true
}

// Source is where points are: *samplestore.Store, whose methods these are, or memory
// in tests. What exceeds a limit it is given is an error of class conn.Limit.
type Source interface {
	Samples(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error)
	Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error)
	Histograms(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Histograms) error) (conn.Stats, error)
}

// Points is a source of which some was read ahead.
func (a *Ahead) Points(of Source) Source { return aheadSource{of, a} }

type aheadSource struct {
	Source
	ahead *Ahead
}

// Stream is Source's.
func (s aheadSource) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	return serve(ctx, s, t, r, s.Source.Stream, (*window).floats, samplesIn, each)
}

// Samples is Source's.
func (s aheadSource) Samples(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	starts := func(w *window, fp uint64) (samplestore.Samples, bool) { all, ok := w.samples[fp]; return all, ok }
	return serve(ctx, s, t, r, s.Source.Samples, starts, samplesIn, each)
}

// Histograms is Source's.
func (s aheadSource) Histograms(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Histograms) error) (conn.Stats, error) {
	all := func(w *window, fp uint64) (samplestore.Histograms, bool) { all, ok := w.histograms[fp]; return all, ok }
	return serve(ctx, s, t, r, s.Source.Histograms, all, histogramsIn, each)
}

// serve gives the points that were read ahead, cut to the range, and reads those
// of the other series. It gives no series without points.
func serve[P any](ctx context.Context, s aheadSource, t tenant.ID, r samplestore.Range, read reading[P],
	known func(*window, uint64) (P, bool), cut func(P, int64, int64) (P, bool), each func(P) error) (conn.Stats, error) {
	rest := r
	rest.Fingerprints = nil
	for _, fp := range r.Fingerprints {
		all, ok := wholly(s.ahead.windows, r, fp, known)
		if !ok {
			rest.Fingerprints = append(rest.Fingerprints, fp)
			continue
		}
		if part, any := cut(all, r.From, r.To); any {
			if err := each(part); err != nil {
				return conn.Stats{}, err
			}
		}
	}
	if len(rest.Fingerprints) == 0 {
		return conn.Stats{}, nil
	}
	return read(ctx, t, rest, each)
}

// wholly finds the points of a series in the first window that holds the range.
func wholly[P any](windows []*window, r samplestore.Range, fp uint64, known func(*window, uint64) (P, bool)) (P, bool) {
	for _, w := range windows {
		if w.from <= r.From && r.To <= w.to {
			if all, ok := known(w, fp); ok {
				return all, true
			}
		}
	}
	var none P
	return none, false
}

// histogramsIn is a copy of the points in [from,to], if there are any.
func histogramsIn(all samplestore.Histograms, from, to int64) (samplestore.Histograms, bool) {
	part := samplestore.Histograms{Fingerprint: all.Fingerprint}
	for _, p := range all.Points {
		if p.Time >= from && p.Time <= to {
			part.Points = append(part.Points, p)
		}
	}
	return part, len(part.Points) > 0
}

// samplesIn is a copy of the samples in [from,to], if there are any: who gets
// them may write to them.
func samplesIn(s samplestore.Samples, from, to int64) (samplestore.Samples, bool) {
	i, _ := slices.BinarySearch(s.Times, from)
	j, there := slices.BinarySearch(s.Times, to)
	if there {
		j++
	}
	out := samplestore.Samples{Fingerprint: s.Fingerprint, Times: slices.Clone(s.Times[i:j]), Values: slices.Clone(s.Values[i:j])}
	if s.Start != nil {
		out.Start = slices.Clone(s.Start[i:j])
	}
	return out, i < j
}
