package attribute

import (
	"slices"
	"strings"
)

// Sort orders attributes by key, in place. The sort is stable, so that of
// equal keys the first sent stays first.
func Sort(kvs []KeyValue) {
	for i := 1; i < len(kvs); i++ {
		if kvs[i].Key < kvs[i-1].Key {
			slices.SortStableFunc(kvs, func(a, b KeyValue) int { return strings.Compare(a.Key, b.Key) })
			return
		}
	}
}

// Sorter makes maps of attribute lists: sorted by key, the last of equal keys
// kept. Lists of one request mostly have one of a few sequences of keys, so it
// remembers some sequences and how they are put in order, which leaves a
// comparison a key. The zero value is ready. Not safe for concurrent use.
type Sorter struct {
	known [16]order
	sent  []KeyValue
}

// order is one sequence of keys.
type order struct {
	keys []string // as sent, aliasing the caller's
	from []int32  // the sorted list's i-th is the sent list's from[i]-th
	same bool     // it was in order
}

// Reset forgets the sequences. It must be called before the memory that keys
// alias is used again.
func (s *Sorter) Reset() {
	for i := range s.known {
		o := &s.known[i]
		clear(o.keys)
		o.keys = o.keys[:0]
	}
	clear(s.sent)
}

// Sort orders kvs in place and returns what is left of it.
func (s *Sorter) Sort(kvs []KeyValue) []KeyValue {
	if len(kvs) < 2 {
		return kvs
	}
	n := len(kvs)
	for i := range kvs {
		n += len(kvs[i].Key)
	}
	o := &s.known[n%len(s.known)]
	if !o.of(kvs) {
		o.learn(kvs)
	}
	if o.same {
		return kvs
	}
	s.sent = append(s.sent[:0], kvs...)
	for i, j := range o.from {
		kvs[i] = s.sent[j]
	}
	return kvs[:len(o.from)]
}

// of says whether kvs has the keys of o.
func (o *order) of(kvs []KeyValue) bool {
	if len(o.keys) != len(kvs) {
		return false
	}
	for i := range kvs {
		if o.keys[i] != kvs[i].Key {
			return false
		}
	}
	return true
}

func (o *order) learn(kvs []KeyValue) {
	o.keys, o.from = o.keys[:0], o.from[:0]
	o.same = true
	for i := range kvs {
		o.keys = append(o.keys, kvs[i].Key)
		o.from = append(o.from, int32(i))
		o.same = o.same && (i == 0 || kvs[i-1].Key < kvs[i].Key)
	}
	if o.same {
		return
	}
	slices.SortStableFunc(o.from, func(a, b int32) int { return strings.Compare(o.keys[a], o.keys[b]) })
	n := 0
	for i, j := range o.from {
		if i+1 < len(o.from) && o.keys[j] == o.keys[o.from[i+1]] {
			continue
		}
		o.from[n] = j
		n++
	}
	o.from = o.from[:n]
}
