package wal

import (
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// keys remembers the last requests by their keys, so that one that is sent
// again because its answer got lost is answered without being stored twice.
// Guarded by Log.mu.
type keys struct {
	known   map[segment.Key]*ticket
	settled *ticket // stands for every append that is durable
	ring    []keyAt // oldest at next once it is full
	next    int
	limit   int
}

type keyAt struct {
	key segment.Key
	at  int64 // unix ns
}

func newKeys(limit int) keys {
	settled := &ticket{done: make(chan struct{})}
	close(settled.done)
	return keys{known: map[segment.Key]*ticket{}, settled: settled, limit: limit}
}

// get is the append that carries k, nil when it is not known.
func (s *keys) get(k segment.Key) *ticket { return s.known[k] }

// any is an append that carries one of ks, nil when none is known. Of several
// that are the same the first is known when it comes to the second.
func (s *keys) any(ks []segment.Key) *ticket {
	for i, k := range ks {
		if t := s.known[k]; t != nil {
			return t
		}
		if k != (segment.Key{}) && slices.Contains(ks[:i], k) {
			return s.settled
		}
	}
	return nil
}

// put remembers t, whose outcome is open, under its keys.
func (s *keys) put(t *ticket) {
	for _, k := range t.keys {
		if k != (segment.Key{}) {
			s.known[k] = t
		}
	}
}

// drop forgets requests that failed: the next attempt is to be stored.
func (s *keys) drop(t *ticket) {
	for _, k := range t.keys {
		if s.known[k] == t {
			delete(s.known, k)
		}
	}
}

// settle remembers that the request k is durable and forgets the oldest one
// beyond the limit.
func (s *keys) settle(k segment.Key, at int64) {
	if k == (segment.Key{}) || s.known[k] == s.settled {
		return
	}
	s.known[k] = s.settled
	if len(s.ring) < s.limit {
		s.ring = append(s.ring, keyAt{k, at})
		return
	}
	delete(s.known, s.ring[s.next].key)
	s.ring[s.next] = keyAt{k, at}
	s.next = (s.next + 1) % s.limit
}

// Each segment begins with the keys of what was appended shortly before it:
// clients send again within seconds, and the segments that held the requests
// may be stored and removed by then.
const (
	carryAge  = 10 * time.Second
	carryKeys = 4096
)

// carry is the keys a new segment begins with, oldest first.
func (s *keys) carry(now time.Time) (carried []segment.Key) {
	n := min(len(s.ring), carryKeys)
	for i := len(s.ring) - n; i < len(s.ring); i++ {
		k := s.ring[(s.next+i)%len(s.ring)]
		if now.UnixNano()-k.at <= int64(carryAge) {
			carried = append(carried, k.key)
		}
	}
	return carried
}
