package seriesfind

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/recent"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// What a generation of each memory holds, of which there are two.
const (
	knownSeries = 150_000 // labels, some 200 bytes a series
	foundSeries = 150_000 // in what selectors found, some 300 bytes each
	listedNames = 200_000 // names and values of labels, some 40 bytes each
	ofAnEntry   = 10      // one that is empty takes memory, too
)

// Memory is what the queries of all tenants leave for those that follow. Safe for
// concurrent use.
type Memory struct {
	mu     sync.Mutex
	labels *recent.Map[seriesID, labels.Labels]
	series *recent.Map[question, answer[found]]
	names  *recent.Map[question, answer[[]string]]
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{
		labels: recent.New[seriesID, labels.Labels](knownSeries, nil),
		series: recent.New[question](foundSeries, func(a answer[found]) int { return len(a.value.series) + ofAnEntry }),
		names:  recent.New[question](listedNames, func(a answer[[]string]) int { return len(a.value) + ofAnEntry }),
	}
}

// seriesID is a series whose labels are known.
type seriesID struct {
	tenant      tenant.ID
	fingerprint uint64
	typ         metricstore.Type
	prometheus  bool
}

// question is what an answer is kept under.
type question struct {
	tenant      tenant.ID
	view        seriesview.View
	first, last int64 // days
	text        string
}

// answer counts as long as the store has got no series since: as long as its version
// is the store's.
type answer[V any] struct {
	version uint64
	value   V
}

// recall answers a question about the series of some days. The answer is made of the
// one that is kept, if there is one and it is still true; fresh is one that is not.
func recall[V any](ctx context.Context, f *Finder, kept *recent.Map[question, answer[V]], from, to int64, text string,
	make func(first, last time.Time, known V, had bool) (v V, fresh bool, err error)) (V, error) {
	first, last := time.UnixMilli(Clamp(from)), time.UnixMilli(Clamp(to))
	q := question{f.Tenant, f.View, first.Unix() / 86_400, last.Unix() / 86_400, text}
	version, ok := f.stateOf(ctx, from, to).Series(first, last)
	var known answer[V]
	had := false
	if ok {
		f.Memory.mu.Lock()
		known, had = kept.Get(q)
		f.Memory.mu.Unlock()
		if had = had && known.version == version; !had {
			known = answer[V]{}
		}
	}
	value, fresh, err := make(first, last, known.value, had)
	if err == nil && ok && fresh {
		f.Memory.mu.Lock()
		kept.Put(q, answer[V]{version, value})
		f.Memory.mu.Unlock()
	}
	return value, err
}

// stated is what the store held of some days when a query began.
type stated struct {
	samplestore.Version
	known       bool
	first, last int64 // days since 1970
}

// stateOf asks the store what it holds of the days of [from,to], and of those it was
// asked for before, unless it has been asked already.
func (f *Finder) stateOf(ctx context.Context, from, to int64) samplestore.Version {
	const day = 86_400_000
	first, last := Clamp(from)/day, Clamp(to)/day
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.known {
		if first >= f.state.first && last <= f.state.last {
			return f.state.Version
		}
		first, last = min(first, f.state.first), max(last, f.state.last)
	}
	f.state = stated{f.Source.Version(ctx, time.UnixMilli(first*day), time.UnixMilli(last*day)), true, first, last}
	return f.state.Version
}

// Version is what the store held when it was last asked, nothing if it was not.
func (f *Finder) Version() samplestore.Version {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Version
}

// Labels gives the rows of an index their labels: those that are known, and the
// rest from the store. A series whose resource is not stored yet is looked up
// again next time. Whole says that the rows are all series of their names.
func (f *Finder) Labels(ctx context.Context, from, to time.Time, rows []metricstore.SeriesRow, whole bool) (map[uint64]labels.Labels, error) {
	out := make(map[uint64]labels.Labels, len(rows))
	missing := make([]int, 0, len(rows)) // of rows
	id := func(i int) seriesID {
		return seriesID{f.Tenant, rows[i].Fingerprint, rows[i].Type, rows[i].Prometheus}
	}
	f.Memory.mu.Lock()
	for i := range rows {
		if l, ok := f.Memory.labels.Get(id(i)); ok {
			out[rows[i].Fingerprint] = l
			continue
		}
		missing = append(missing, i)
	}
	f.Memory.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	at, names, before := make(map[uint64]int, len(missing)), map[string]bool{}, ""
	fps := make([]uint64, 0, len(missing))
	for _, i := range missing {
		if at[rows[i].Fingerprint] = i; i == missing[0] || rows[i].Name != before { // most have the name of the one before
			before = rows[i].Name
			names[before] = true
		}
		fps = append(fps, rows[i].Fingerprint)
	}
	if whole && 2*len(missing) > len(rows) && len(names) <= metricstore.NamesInKey { // a list of so many costs the store more than the rest of them
		fps = nil
	}
	sets, err := f.Source.LabelSets(ctx, f.Tenant, from, to, slices.Sorted(maps.Keys(names)), fps)
	if err != nil {
		return nil, err
	}
	l := seriesview.Labeler{Promote: f.Promote}
	lasting := make([]int, 0, len(sets)) // rows whose labels are known for good
	for k := range sets {
		set := &sets[k]
		i, ok := at[set.Fingerprint]
		if !ok { // it was not asked for
			continue
		}
		out[set.Fingerprint] = l.Of(set, rows[i].PromName)
		if set.Resource.Service != "" || set.Resource.ID == 0 { // a stored one has a service, known or not
			lasting = append(lasting, i)
		}
	}
	f.Memory.mu.Lock()
	defer f.Memory.mu.Unlock()
	f.Memory.labels.Reserve(len(lasting))
	for _, i := range lasting {
		f.Memory.labels.Put(id(i), out[rows[i].Fingerprint])
	}
	return out, nil
}
