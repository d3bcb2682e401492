package metricexec

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// stated is what the store held of some days when a query began.
type stated struct {
	samplestore.Version
	known       bool
	first, last int64 // days since 1970
}

// stateOf asks the store what it holds of the days of [from,to], and of those it was
// asked for before, unless it has been asked already.
func (q *queryable) stateOf(ctx context.Context, from, to int64) samplestore.Version {
	const day = 86_400_000
	first, last := clamp(from)/day, clamp(to)/day
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.state.known {
		if first >= q.state.first && last <= q.state.last {
			return q.state.Version
		}
		first, last = min(first, q.state.first), max(last, q.state.last)
	}
	q.state = stated{q.source.Version(ctx, time.UnixMilli(first*day), time.UnixMilli(last*day)), true, first, last}
	return q.state.Version
}

// asked is what stateOf was last told, nothing if it was not asked.
func (q *queryable) asked() samplestore.Version {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state.Version
}

// foundSeries bounds the series in the finds that are kept, twice over; one takes
// some 300 bytes.
const foundSeries = 150_000

// finds keeps which series selectors found. A find counts as long as the store has
// got no others since: as long as its version is the store's.
type finds = recent[findKey, find]

type findKey struct {
	tenant      tenant.ID
	view        view
	first, last int64 // days
	selector    string
}

type find struct {
	version uint64
	found   []visible // shared, never changed
	sorted  bool      // by labels
}

func newFinds() *finds {
	const own = 10 // an entry without series takes memory, too
	return newRecent[findKey](foundSeries, func(f find) int { return len(f.found) + own })
}
