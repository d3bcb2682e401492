package metricexec

import (
	"context"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// stated is what the store held of some days when a query began.
type stated struct {
	metricstore.Version
	known       bool
	first, last int64 // days since 1970
}

// stateOf asks the store what it holds of the days of [from,to], once a query.
func (q *queryable) stateOf(ctx context.Context, from, to int64) metricstore.Version {
	const day = 86_400_000
	first, last := clamp(from)/day, clamp(to)/day
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.state.known || first < q.state.first || last > q.state.last {
		q.state = stated{q.source.Version(ctx, time.UnixMilli(clamp(from)), time.UnixMilli(clamp(to))), true, first, last}
	}
	return q.state.Version
}

// asked is what stateOf was last told, nothing if it was not asked.
func (q *queryable) asked() metricstore.Version {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state.Version
}

// foundSeries bounds the series in the finds that are kept, twice over; one takes
// some 300 bytes.
const foundSeries = 100_000

// finds keeps which series selectors found, as long as the store has got no others
// since. It holds two generations, as known does.
type finds struct {
	mu         sync.Mutex
	young, old map[findKey]find
	series     int // in the younger
}

type findKey struct {
	tenant      tenant.ID
	first, last int64 // days
	selector    string
}

type find struct {
	version uint64
	found   []visible // shared, never changed
	sorted  bool      // by labels
}

func newFinds() *finds { return &finds{young: map[findKey]find{}} }

func (f *finds) get(key findKey, version uint64) (find, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.young[key]
	if !ok {
		if known, ok = f.old[key]; ok && known.version == version {
			f.put(key, known)
		}
	}
	return known, ok && known.version == version
}

func (f *finds) add(key findKey, known find) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(key, known)
}

func (f *finds) put(key findKey, known find) {
	const own = 10 // an entry without series takes memory, too
	size := len(known.found) + own
	if size > foundSeries {
		return
	}
	if before, ok := f.young[key]; ok {
		f.series -= len(before.found) + own
	} else if f.series+size > foundSeries {
		f.old, f.young, f.series = f.young, map[findKey]find{}, 0
	}
	f.young[key] = known
	f.series += size
}
