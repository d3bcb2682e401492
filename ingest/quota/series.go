package quota

import (
	"sync"
	"sync/atomic"
)

const shards = 16

// activeSeries is the set of a tenant's series that were written to lately.
// Minutes are those since 1970.
type activeSeries struct {
	limit  int64
	window uint32 // minutes
	count  atomic.Int64
	swept  atomic.Uint32
	shards [shards]shard
}

type shard struct {
	mu   sync.Mutex
	last map[uint64]uint32 // fingerprint → minute
	peak int               // entries the map has had room for
}

// touch says that an active series is written to, and whether it is one.
func (a *activeSeries) touch(fp uint64, minute uint32) bool {
	s := &a.shards[fp>>59%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.last[fp]
	if ok && last != minute {
		s.last[fp] = minute
	}
	return ok
}

// add makes a series active and says whether there was room.
func (a *activeSeries) add(fp uint64, minute uint32) bool {
	s := &a.shards[fp>>59%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.last[fp]; ok {
		return true
	}
	if a.count.Add(1) > a.limit {
		a.count.Add(-1)
		return false
	}
	if s.last == nil {
		s.last = map[uint64]uint32{}
	}
	s.last[fp] = minute
	s.peak = max(s.peak, len(s.last))
	return true
}

// sweep forgets series that were not written to within the window. Once a
// minute is enough; more often it does nothing.
func (a *activeSeries) sweep(minute uint32) {
	if before := a.swept.Load(); before == minute || !a.swept.CompareAndSwap(before, minute) {
		return
	}
	for i := range a.shards {
		a.count.Add(-int64(a.shards[i].sweep(minute, a.window)))
	}
}

func (s *shard) sweep(minute, window uint32) (gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for fp, last := range s.last {
		if int32(minute-last) > int32(window) {
			delete(s.last, fp)
			gone++
		}
	}
	if gone > 0 && len(s.last) < s.peak/4 { // a map does not give room back by itself
		kept := make(map[uint64]uint32, len(s.last))
		for fp, last := range s.last {
			kept[fp] = last
		}
		s.last, s.peak = kept, len(kept)
	}
	return gone
}
