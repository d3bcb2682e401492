package packcache

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Cache keeps days up to a number of bytes. It holds two generations: when the
// younger is full it becomes the older, whose days are forgotten unless they were
// asked for since. That is what package recent does, but for a day of all series at
// once: a key of tenant, day and series would have to be hashed for each of them.
// Safe for concurrent use; a nil one keeps nothing.
type Cache struct {
	mu         sync.Mutex
	most       int64 // bytes of a generation
	young, old generation
}

type generation struct {
	days  map[place]map[uint64]*Day
	bytes int64
}

// place is a day of a tenant, counted from 1970.
type place struct {
	tenant tenant.ID
	day    uint32
}

// New makes a cache of so many bytes; 0 keeps nothing.
func New(bytes int64) *Cache {
	if bytes <= 0 {
		return nil
	}
	return &Cache{most: bytes / 2}
}

// Get fills out, which is as long as series, with what is known of the series' day,
// nil for nothing.
func (c *Cache) Get(t tenant.ID, day uint32, series []uint64, out []*Day) {
	clear(out)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{t, day}
	young, old := c.young.days[at], c.old.days[at]
	if young == nil && old == nil {
		return
	}
	for i, id := range series {
		d := young[id]
		if d == nil {
			if d = old[id]; d != nil {
				young = c.put(at, young, id, d)
				old = c.old.days[at]
			}
		}
		out[i] = d
	}
}

// Put keeps what is known of days; those that are nil are left out.
func (c *Cache) Put(t tenant.ID, day uint32, series []uint64, days []*Day) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{t, day}
	young := c.young.days[at]
	if young == nil {
		young = c.young.add(at, len(series))
	}
	for i, d := range days {
		if d != nil {
			young = c.put(at, young, series[i], d)
		}
	}
}

// add makes room for n series of a day.
func (g *generation) add(at place, n int) map[uint64]*Day {
	if g.days == nil {
		g.days = map[place]map[uint64]*Day{}
	}
	of := make(map[uint64]*Day, n)
	g.days[at] = of
	return of
}

// put puts one into the younger generation, whose map of the day is given, and
// returns the map of the generation that is the younger then.
func (c *Cache) put(at place, young map[uint64]*Day, id uint64, d *Day) map[uint64]*Day {
	if c.young.bytes+d.size() > c.most {
		c.old, c.young = c.young, generation{}
		young = nil
	}
	if young == nil {
		young = c.young.add(at, 0)
	}
	if before := young[id]; before != nil {
		c.young.bytes -= before.size()
	}
	young[id] = d
	c.young.bytes += d.size()
	return young
}

// Bytes is how many bytes are held.
func (c *Cache) Bytes() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.young.bytes + c.old.bytes
}
