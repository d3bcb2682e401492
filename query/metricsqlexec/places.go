package metricsqlexec

import (
	"maps"
	"slices"
	"sync"
)

// places takes what is made of series that come in any order, from several
// goroutines, each with its place. Its zero value is empty and ready.
type places[T any] struct {
	mu   sync.Mutex
	made map[int]T
}

func (p *places[T]) put(place int, v T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil {
		p.made = map[int]T{}
	}
	p.made[place] = v
}

// inOrder is what was put, in the order of places, when nothing more comes.
func (p *places[T]) inOrder() []T {
	out := make([]T, 0, len(p.made))
	for _, place := range slices.Sorted(maps.Keys(p.made)) {
		out = append(out, p.made[place])
	}
	return out
}
