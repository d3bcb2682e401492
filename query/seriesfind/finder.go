package seriesfind

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Source is where series are: *metricstore.Store, whose methods these are, or memory
// in tests. What exceeds a limit it is given is an error of class conn.Limit.
// Index may list more than was asked for, never fewer.
type Source interface {
	Version(ctx context.Context, from, to time.Time) samplestore.Version
	Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error)
	LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fingerprints []uint64) ([]metricstore.LabelSet, error)
	LabelKeys(ctx context.Context, t tenant.ID, from, to time.Time) ([]metricstore.LabelKey, error)
	Shapes(ctx context.Context, t tenant.ID, from, to time.Time, keys []string, resources bool, limit int) ([]metricstore.SeriesRow, error)
	Bounds(ctx context.Context, t tenant.ID, r samplestore.Range) (map[uint64][][]float64, error)
	Metadata(ctx context.Context, t tenant.ID, from, to time.Time, name string, limit int) ([]metricstore.Metadata, error)
}

// Finder finds series for one query of one tenant. Times are Unix milliseconds. Safe
// for concurrent use once its fields are set; it must not be copied.
type Finder struct {
	Source  Source
	Memory  *Memory
	Tenant  tenant.ID
	Promote []string // resource attributes that are labels
	View    seriesview.View
	Spelled spelling.Names // of the query
	// Most series, or values of a label, that are listed, and bounds of histograms.
	MaxSeries, MaxBounds int

	mu    sync.Mutex
	state stated
}

// The times storage knows: ClickHouse's Date ends in 2149.
const (
	Earliest = 0
	Latest   = 5_650_000_000_000 // Unix ms, 2149-01-14
)

// Clamp moves a time into what storage knows.
func Clamp(ms int64) int64 { return min(max(ms, Earliest), Latest) }

// Selector is one of the query's.
func (f *Finder) Selector(matchers []*labels.Matcher) seriesview.Selector {
	return seriesview.NewSelector(matchers, f.Spelled)
}

// found is what a selector found; it is shared, and never changed.
type found struct {
	series []seriesview.Series
	sorted bool // by labels
}

// Find lists the visible series of a selector in the order of their labels; too
// many are an error. The list is shared.
func (f *Finder) Find(ctx context.Context, from, to int64, s seriesview.Selector) ([]seriesview.Series, error) {
	return f.find(ctx, from, to, s, true)
}

// Any is Find in no order, for those who only look at the labels: sorting them
// costs more than all else.
func (f *Finder) Any(ctx context.Context, from, to int64, s seriesview.Selector) ([]seriesview.Series, error) {
	return f.find(ctx, from, to, s, false)
}

func (f *Finder) find(ctx context.Context, from, to int64, s seriesview.Selector, sorted bool) ([]seriesview.Series, error) {
	got, err := recall(ctx, f, f.Memory.series, from, to, s.Key(), func(first, last time.Time, known found, had bool) (found, bool, error) {
		fresh := !had
		if fresh {
			series, err := f.look(ctx, first, last, s)
			if err != nil {
				return found{}, false, err
			}
			known = found{series: series}
		}
		if sorted && !known.sorted {
			known, fresh = found{seriesview.InOrder(slices.Clone(known.series)), true}, true
		}
		return known, fresh, nil
	})
	return got.series, err
}

// look asks the store what a selector finds.
func (f *Finder) look(ctx context.Context, first, last time.Time, s seriesview.Selector) ([]seriesview.Series, error) {
	stored, err := f.Source.Index(ctx, f.Tenant, first, last, s.Selection(f.MaxSeries))
	if err != nil {
		if fault.OverLimit(err) {
			return nil, fault.TooManySeries(f.MaxSeries, err)
		}
		return nil, err
	}
	all, err := f.Labels(ctx, first, last, stored, s.Whole())
	if err != nil {
		return nil, err
	}
	return s.Visibles(f.View, stored, all), nil
}

// Bounds lists the le labels of the histograms among series, by fingerprint.
func (f *Finder) Bounds(ctx context.Context, from, to int64, of []seriesview.Series) (map[uint64][]string, error) {
	var fps []uint64
	for _, v := range of {
		if v.Part == seriesview.Buckets {
			fps = append(fps, v.Stored.Fingerprint)
		}
	}
	if len(fps) == 0 {
		return nil, nil
	}
	layouts, err := f.Source.Bounds(ctx, f.Tenant, samplestore.Range{Fingerprints: fps, From: Clamp(from), To: Clamp(to), Limit: f.MaxBounds})
	if fault.OverLimit(err) {
		err = fault.TooManySamples(f.MaxBounds, err)
	}
	if err != nil {
		return nil, err
	}
	out := make(map[uint64][]string, len(layouts))
	for fp, all := range layouts {
		for _, bound := range seriespoints.Bounds(all) {
			out[fp] = append(out[fp], seriesview.FormatBound(bound))
		}
	}
	return out, nil
}

// List is the labels of all series a selector finds, sorted, without reading
// samples.
func (f *Finder) List(ctx context.Context, from, to int64, s seriesview.Selector) ([]labels.Labels, error) {
	found, err := f.Find(ctx, from, to, s)
	if err != nil {
		return nil, err
	}
	bounds, err := f.Bounds(ctx, from, to, found)
	if err != nil {
		return nil, err
	}
	var out []labels.Labels
	for _, v := range found {
		if v.Part != seriesview.Buckets {
			out = append(out, v.Labels)
			continue
		}
		for _, le := range bounds[v.Stored.Fingerprint] {
			if s.MatchesLE(le) {
				out = append(out, seriesview.WithLE(v.Labels, le))
			}
		}
		if len(out) > f.MaxSeries {
			return nil, fault.TooManySeries(f.MaxSeries, nil)
		}
	}
	return out, nil
}
