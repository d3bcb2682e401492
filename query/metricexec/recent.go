package metricexec

import "sync"

// recent keeps values up to a size, in two generations: when the younger is full
// it becomes the older, whose values are forgotten unless they were asked for
// since. So at most twice the size is held. Safe for concurrent use.
type recent[K comparable, V any] struct {
	most int         // size of a generation
	size func(V) int // of a value; one that exceeds most is not kept

	mu         sync.Mutex
	young, old map[K]V
	held       int // size of the younger
}

func newRecent[K comparable, V any](most int, size func(V) int) *recent[K, V] {
	return &recent[K, V]{most: most, size: size, young: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	if ok {
		r.put(key, v)
	}
	return v, ok
}

func (r *recent[K, V]) add(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(key, v)
}

func (r *recent[K, V]) put(key K, v V) {
	size := r.size(v)
	if size > r.most {
		return
	}
	if before, ok := r.young[key]; ok {
		r.held -= r.size(before)
	} else if r.held+size > r.most {
		r.old, r.young, r.held = r.young, map[K]V{}, 0
	}
	r.young[key] = v
	r.held += size
}
