// Package recent keeps what was used lately, up to a size, and forgets the rest.
//
// It belongs here: which values are forgotten. Whether a value is still true is for
// who keeps it, and so is the lock: look-ups that belong together are done under
// one.
package recent

// Map keeps values up to a size, in two generations: when the younger is full it
// becomes the older, whose values are forgotten unless they were asked for since.
// So at most twice the size is held. It is made by New. Not safe for concurrent use,
// but for Peek beside Peek.
type Map[K comparable, V any] struct {
	most int
	size func(V) int

	young, old map[K]V
	held       int // size of the younger
}

// New makes a map whose generations are of a size; size is that of a value, 1 if it
// is nil. A value that exceeds the size of a generation is not kept.
func New[K comparable, V any](most int, size func(V) int) *Map[K, V] {
	if size == nil {
		size = func(V) int { return 1 }
	}
	return &Map[K, V]{most: most, size: size, young: map[K]V{}}
}

// Get is the value of a key; not ok means that there is none, or no more.
func (m *Map[K, V]) Get(key K) (v V, ok bool) {
	if v, ok = m.young[key]; ok {
		return v, true
	}
	if v, ok = m.old[key]; ok {
		m.Put(key, v)
	}
	return v, ok
}

// Reserve makes room for n values that are about to be put.
func (m *Map[K, V]) Reserve(n int) {
	if len(m.young) == 0 {
		m.young = make(map[K]V, min(n, m.most))
	}
}

// Peek is Get that leaves the value where it is: it is forgotten as if it had not been
// asked for.
func (m *Map[K, V]) Peek(key K) (v V, ok bool) {
	if v, ok = m.young[key]; !ok {
		v, ok = m.old[key]
	}
	return v, ok
}

// Put keeps a value, and not the one the key had.
func (m *Map[K, V]) Put(key K, v V) {
	if before, ok := m.young[key]; ok {
		m.held -= m.size(before)
		delete(m.young, key)
	}
	size := m.size(v)
	if size > m.most {
		delete(m.old, key)
		return
	}
	if m.held+size > m.most {
		m.old, m.young, m.held = m.young, map[K]V{}, 0
	}
	m.young[key] = v
	m.held += size
}
