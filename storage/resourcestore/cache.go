package resourcestore

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// cache keeps rows by tenant and id, in two generations of at most limit rows:
// when the young one is full the old one is dropped; a row that is asked for
// moves to the young one. Safe for concurrent use.
type cache[T any] struct {
	limit      int
	mu         sync.Mutex
	young, old map[cacheKey]*T
}

type cacheKey struct {
	tenant tenant.ID
	id     uint64
}

// get fills found with the rows that are there and returns the other ids.
func (c *cache[T]) get(t tenant.ID, ids []uint64, found map[uint64]*T) (missing []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		key := cacheKey{t, id}
		row := c.young[key]
		if row == nil {
			if row = c.old[key]; row == nil {
				missing = append(missing, id)
				continue
			}
			c.put(key, row)
		}
		found[id] = row
	}
	return missing
}

func (c *cache[T]) add(t tenant.ID, rows map[uint64]*T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, row := range rows {
		c.put(cacheKey{t, id}, row)
	}
}

func (c *cache[T]) put(key cacheKey, row *T) {
	if c.young == nil || len(c.young) >= c.limit {
		c.old, c.young = c.young, make(map[cacheKey]*T)
	}
	c.young[key] = row
}
