package resourcestore

import (
	"sync"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/cespare/xxhash/v2"
	"github.com/trefoil-o11y/trefoil/storage/recent"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Known remembers which rows are stored, so that a resource, a scope or a
// series is not sent with every request. Forgetting costs a repeated row, which
// the tables merge away. Safe for concurrent use; a nil *Known knows nothing.
type Known struct {
	mu   sync.RWMutex
	keys *recent.Map[Key, struct{}]
}

// Key is a row's identity: tenant and table, the row's fingerprint, and the day
// and retention that decide its partition.
type Key struct {
	owner     Owner
	id        uint64
	day       proto.Date
	retention uint16
}

// Owner is a hash of a tenant and a table whose rows are stored once a day.
type Owner uint64

// OwnerOf is the owner of the tenant's rows in the table.
func OwnerOf(t tenant.ID, table string) Owner {
	return Owner(xxhash.Sum64String(table + "/" + string(t)))
}

// Key is the identity of one of the owner's rows.
func (o Owner) Key(id uint64, day proto.Date, retention uint16) Key {
	return Key{o, id, day, retention}
}

// NewKnown makes a memory of at most 2*limit keys.
func NewKnown(limit int) *Known {
	return &Known{keys: recent.New[Key, struct{}](max(limit, 1), nil)}
}

// Has tells whether the row is known to be stored.
func (k *Known) Has(key Key) bool {
	if k == nil {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, ok := k.keys.Peek(key) // under a lock that readers share
	return ok
}

// Add remembers rows that are stored now.
func (k *Known) Add(keys []Key) {
	if k == nil || len(keys) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		k.keys.Put(key, struct{}{})
	}
}
