package metricexec

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Timed is an expression that is about to be evaluated at a time.
type Timed struct {
	Expr string
	At   time.Time
}

// Ahead is what many evaluations read, read at once: a statement costs the
// store more than the samples it yields, and rules are many and read the same.
// An evaluation takes from it what it finds there whole and reads the rest
// itself, so an Ahead changes what is asked of the store, never an answer.
type Ahead struct {
	tenant      tenant.ID
	first, last time.Time // the days whose series are known
	selectors   map[string]*readAhead
	windows     []*window // the shortest first
}

// readAhead is one selector and the widest range it is read in.
type readAhead struct {
	selector selector
	from, to int64
	found    []visible
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

func aheadOf(ctx context.Context, t tenant.ID) *Ahead {
	if a, ok := ctx.Value(aheadKey{}).(*Ahead); ok && a.tenant == t {
		return a
	}
	return nil
}

// Ahead reads what expressions will. Those that do not parse, and selectors
// that name no metric, are left to their evaluation. Errors are *fault.Error.
func (e *Engine) Ahead(ctx context.Context, t tenant.ID, all []Timed) (*Ahead, error) {
	a := &Ahead{tenant: t, selectors: map[string]*readAhead{}}
	for _, one := range all {
		for _, read := range e.factsOf(one.Expr).reads {
			a.want(read, one.At.UnixMilli())
		}
	}
	if len(a.selectors) == 0 {
		return a, nil
	}
	q := &querier{queryable: e.queryable(t)}
	if err := a.find(ctx, q); err != nil {
		return nil, fault.Of(err)
	}
	if err := a.load(ctx, q); err != nil {
		return nil, fault.Of(err)
	}
	return a, nil
}

func (a *Ahead) want(r relativeRead, at int64) {
	from, to := at-r.back, at-r.ahead
	known := a.selectors[r.key]
	if known == nil {
		a.selectors[r.key] = &readAhead{selector: r.selector, from: from, to: to}
		return
	}
	known.from, known.to = min(known.from, from), max(known.to, to)
}

// find lists the series of all selectors in one statement, by the names of
// metrics alone; matchers are checked here.
func (a *Ahead) find(ctx context.Context, q *querier) error {
	names := map[string]bool{}
	first, last := int64(latest), int64(earliest)
	for _, r := range a.selectors {
		for _, name := range r.selector.names() {
			names[name] = true
		}
		first, last = min(first, clamp(r.from)), max(last, clamp(r.to))
	}
	a.first, a.last = time.UnixMilli(first), time.UnixMilli(last)
	rows, err := q.source.Index(ctx, a.tenant, a.first, a.last, metricstore.Selector{Names: slices.Sorted(maps.Keys(names)), Limit: aheadSeries})
	if err != nil {
		return err
	}
	all, err := q.label(ctx, a.first, a.last, rows)
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
		r.found = inOrder(r.selector.visibles(q.view, rowsOf(byName, r.selector.names()), all))
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
func (a *Ahead) load(ctx context.Context, q *querier) error {
	for _, length := range windowLengths() {
		a.windows = append(a.windows, &window{length: length, from: latest})
	}
	fps := make([]struct{ plain, samples, histograms []uint64 }, len(a.windows))
	for _, r := range a.selectors {
		i := slices.IndexFunc(a.windows, func(w *window) bool { return r.to-r.from <= w.length.Milliseconds() })
		if i < 0 {
			continue
		}
		w := a.windows[i]
		w.from, w.to = min(w.from, clamp(r.from)), max(w.to, clamp(r.to))
		for _, v := range r.found {
			switch fp := v.stored.Fingerprint; {
			case hasHistograms(v.stored):
				fps[i].histograms = append(fps[i].histograms, fp)
			case isDelta(v.stored):
				fps[i].samples = append(fps[i].samples, fp)
			default:
				fps[i].plain = append(fps[i].plain, fp)
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, w := range a.windows {
		g.Go(func() error { return w.load(ctx, q, fps[i].plain, fps[i].samples, fps[i].histograms) })
	}
	return g.Wait()
}

func (w *window) load(ctx context.Context, q *querier, plain, samples, histograms []uint64) error {
	in := func(fps []uint64) samplestore.Range {
		slices.Sort(fps)
		return samplestore.Range{Fingerprints: slices.Compact(fps), From: w.from, To: w.to, Limit: aheadSamples}
	}
	var mu sync.Mutex // Stream gives series from several goroutines
	stream := func(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
		return q.source.Stream(ctx, t, r, func(s samplestore.Samples) error {
			s.Times, s.Values = slices.Clone(s.Times), slices.Clone(s.Values)
			mu.Lock()
			defer mu.Unlock()
			return each(s)
		})
	}
	fingerprint := func(s samplestore.Samples) uint64 { return s.Fingerprint }
	var err error
	if w.plain, err = gather(ctx, q.tenant, in(plain), stream, fingerprint); err != nil {
		return err
	}
	if w.samples, err = gather(ctx, q.tenant, in(samples), q.source.Samples, fingerprint); err != nil {
		return err
	}
	w.histograms, err = gather(ctx, q.tenant, in(histograms), q.source.Histograms, func(h samplestore.Histograms) uint64 { return h.Fingerprint })
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

// found are the series of a selector, if they were listed. They are shared.
func (a *Ahead) found(from, to int64, s selector) ([]visible, bool) {
	r := a.selectors[s.key()]
	day := func(t time.Time) int64 { return t.Unix() / 86_400 }
	if r == nil || day(time.UnixMilli(clamp(from))) < day(a.first) || day(time.UnixMilli(clamp(to))) > day(a.last) {
		return nil, false
	}
	return r.found, true
}

// aheadSource is a source of which some was read ahead.
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

// key tells selectors apart.
func (s selector) key() string {
	var b strings.Builder
	for _, list := range [][]*labels.Matcher{s.name, s.le, s.other} {
		for _, m := range list {
			b.WriteString(m.Name)
			b.WriteString(m.Type.String())
			b.WriteString(m.Value)
			b.WriteByte(0xff) // no text has it
		}
	}
	b.WriteString(s.spelled.Key())
	return b.String()
}
