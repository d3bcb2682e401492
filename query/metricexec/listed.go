package metricexec

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// listedNames bounds the names and values of labels that are kept, twice over; one
// takes some 40 bytes.
const listedNames = 200_000

// lists keeps the names and values of the labels of all series, each as long as the
// store has got no others since.
type lists = recent[listKey, list]

type listKey struct {
	tenant      tenant.ID
	view        view
	first, last int64  // days
	label       string // "" for the names
	spelled     string
}

type list struct {
	version uint64
	names   []string // shared, never changed
}

func newLists() *lists {
	const own = 10 // an entry without names takes memory, too
	return newRecent[listKey](listedNames, func(l list) int { return len(l.names) + own })
}

// listed takes the names, or the values of a label, of all series from memory, if
// they are still true, or makes the list. It is shared.
func (q *querier) listed(ctx context.Context, label string, make func(first, last time.Time) (map[string]struct{}, error)) ([]string, error) {
	first, last := time.UnixMilli(clamp(q.from)), time.UnixMilli(clamp(q.to))
	key := listKey{q.tenant, q.view, first.Unix() / 86_400, last.Unix() / 86_400, label, q.spelled.Key()}
	version, ok := q.stateOf(ctx, q.from, q.to).Series(first, last)
	if known, had := q.lists.get(key); ok && had && known.version == version {
		return known.names, nil
	}
	set, err := make(first, last)
	if err != nil {
		return nil, err
	}
	names := sorted(set)
	if ok {
		q.lists.add(key, list{version, names})
	}
	return names, nil
}
