package resourcestore

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/recent"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// cache keeps rows by tenant and id. Safe for concurrent use.
type cache[T any] struct {
	mu   sync.Mutex
	rows *recent.Map[cacheKey, *T]
}

type cacheKey struct {
	tenant tenant.ID
	id     uint64
}

// newCache makes a cache of at most twice so many rows.
func newCache[T any](limit int) *cache[T] {
	return &cache[T]{rows: recent.New[cacheKey, *T](limit, nil)}
}

// get fills found with the rows that are there and returns the other ids.
func (c *cache[T]) get(t tenant.ID, ids []uint64, found map[uint64]*T) (missing []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if row, ok := c.rows.Get(cacheKey{t, id}); ok {
			found[id] = row
		} else {
			missing = append(missing, id)
		}
	}
	return missing
}

func (c *cache[T]) add(t tenant.ID, rows map[uint64]*T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, row := range rows {
		c.rows.Put(cacheKey{t, id}, row)
	}
}
