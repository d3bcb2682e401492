package rangecache

import (
	"container/list"
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Key is what makes answers parts of one another: steps at Phase, Phase+Step, …
// of an expression. Times are Unix milliseconds.
type Key struct {
	Tenant      tenant.ID
	Language    string // of Expr; "" is PromQL
	Expr        string
	Step, Phase int64
}

// shareOfTenant is which part of the cache one tenant may fill, and shareOfEntry
// which part one answer may.
const (
	shareOfTenant = 2
	shareOfEntry  = 8
)

// Cache holds entries within a number of bytes; those asked for least recently
// go first, of a tenant that has more than its share before those of others. It
// is safe for concurrent use; a nil one keeps nothing.
type Cache struct {
	most int64

	mu      sync.Mutex
	entries map[Key]*list.Element // of *kept
	order   list.List             // the one asked for last in front
	bytes   int64
	tenants map[tenant.ID]int64 // their bytes
}

type kept struct {
	key   Key
	entry *Entry
	bytes int64
}

// New makes a cache of so many bytes; nil if there are none.
func New(bytes int64) *Cache {
	if bytes <= 0 {
		return nil
	}
	return &Cache{most: bytes, entries: map[Key]*list.Element{}, tenants: map[tenant.ID]int64{}}
}

// Get is the entry of a key, nil if there is none. It is shared: never written
// to.
func (c *Cache) Get(k Key) *Entry {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.entries[k]
	if at == nil {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*kept).entry
}

// Put keeps an entry instead of what there is of its key. One that is too large
// is not kept.
func (c *Cache) Put(k Key, e *Entry) {
	if c == nil {
		return
	}
	size := int64(len(k.Expr)) + e.size()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.entries[k]; at != nil {
		c.remove(at)
	}
	if size > c.most/shareOfEntry {
		return
	}
	c.entries[k] = c.order.PushFront(&kept{k, e, size})
	c.bytes += size
	c.tenants[k.Tenant] += size
	for at := c.order.Back(); at != nil && c.tenants[k.Tenant] > c.most/shareOfTenant; {
		before := at.Prev()
		if at.Value.(*kept).key.Tenant == k.Tenant {
			c.remove(at)
		}
		at = before
	}
	for c.bytes > c.most {
		c.remove(c.order.Back())
	}
}

func (c *Cache) remove(at *list.Element) {
	old := c.order.Remove(at).(*kept)
	delete(c.entries, old.key)
	c.bytes -= old.bytes
	if c.tenants[old.key.Tenant] -= old.bytes; c.tenants[old.key.Tenant] == 0 {
		delete(c.tenants, old.key.Tenant)
	}
}

// Bytes is how much is held.
func (c *Cache) Bytes() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
