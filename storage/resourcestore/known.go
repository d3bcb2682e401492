package resourcestore

import "sync"

// Known remembers which rows are stored, so that a resource, a scope or a
// series is not sent with every request. It holds at most two generations of
// limit keys: when the young one is full, the old one is forgotten. Forgetting
// costs a repeated row, which the tables merge away. Safe for concurrent use;
// a nil *Known knows nothing.
type Known struct {
	limit      int
	mu         sync.RWMutex
	young, old map[Key]struct{}
}

// Key is a row's identity: a hash of the tenant and the table, the row's
// fingerprint, and the day and retention that decide its partition.
type Key struct {
	Owner     uint64
	ID        uint64
	Day       int32
	Retention uint16
}

// NewKnown makes a memory of at most 2*limit keys.
func NewKnown(limit int) *Known {
	return &Known{limit: max(limit, 1), young: map[Key]struct{}{}}
}

// Has tells whether the row is known to be stored.
func (k *Known) Has(key Key) bool {
	if k == nil {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if _, ok := k.young[key]; ok {
		return true
	}
	_, ok := k.old[key]
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
		if len(k.young) >= k.limit {
			k.old, k.young = k.young, make(map[Key]struct{}, k.limit)
		}
		k.young[key] = struct{}{}
	}
}
