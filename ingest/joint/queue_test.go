package joint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

func keyOf(id int) (k segment.Key) {
	binary.LittleEndian.PutUint64(k[:], uint64(id+1))
	return k
}

// TestWhileOneIsUnderWayOthersGather has the first request wait until all others
// are there.
func TestWhileOneIsUnderWayOthersGather(t *testing.T) {
	var groups [][]segment.Key
	q := Queue[string, segment.Key]{Store: func(g *Group[string, segment.Key]) error {
		groups, g.Answers = append(groups, g.Keys), g.Keys
		return nil
	}}
	first, under := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	alone := func() (k segment.Key, err error) { t.Error("alone"); return k, nil }
	do := func(id int, alone func() (segment.Key, error)) {
		all.Go(func() {
			if answer, err := q.Do(t.Context(), "a", keyOf(id), []byte{1}, alone); err != nil || answer != keyOf(id) {
				t.Error(answer, err)
			}
		})
	}
	do(0, func() (segment.Key, error) { close(under); <-first; return keyOf(0), nil })
	<-under
	for id := range 5 {
		do(1+id, alone)
	}
	refuse := func(text string) func() (segment.Key, error) {
		return func() (segment.Key, error) { return segment.Key{}, errors.New(text) }
	}
	if _, err := q.Do(t.Context(), "b", keyOf(9), nil, refuse("mine")); err == nil || err.Error() != "mine" {
		t.Errorf("of another kind: %v", err)
	}
	if _, err := q.Do(t.Context(), "a", keyOf(9), make([]byte, MaxBody+1), refuse("large")); err == nil || err.Error() != "large" {
		t.Errorf("a large one: %v", err)
	}
	for waiting := 0; waiting < 5; {
		q.mu.Lock()
		if g := q.lanes["a"].open; g != nil {
			waiting = len(g.Keys)
		}
		q.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	close(first)
	all.Wait()
	if len(groups) != 1 || len(groups[0]) != 5 {
		t.Errorf("groups %v", groups)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		q.mu.Lock()
		n := len(q.lanes)
		q.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d lanes stay", n)
		}
	}
}

// TestEachIsStoredOnceAndToldSo sends requests at random, whose groups are stored,
// fail, prove impossible or panic, and whose clients lose patience.
func TestEachIsStoredOnceAndToldSo(t *testing.T) {
	const requests, clients = 3000, 20
	var mu sync.Mutex
	stored := map[segment.Key]int{}
	impossible := errors.New("away")
	outcome := func(keys ...segment.Key) error {
		mu.Lock()
		defer mu.Unlock()
		switch n := rand.IntN(40); {
		case n == 0:
			return impossible
		case n == 1 && len(keys) > 1:
			return ErrSeparate
		case n == 2 && len(keys) > 1:
			panic("odd")
		}
		for _, k := range keys {
			stored[k]++
		}
		return nil
	}
	grouped := 0
	q := Queue[int, segment.Key]{Store: func(g *Group[int, segment.Key]) error {
		g.Answers = g.Keys
		if len(g.Keys) != len(g.Bodies) {
			t.Errorf("%d keys, %d bodies", len(g.Keys), len(g.Bodies))
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
		mu.Lock()
		grouped += len(g.Keys)
		mu.Unlock()
		return outcome(g.Keys...)
	}}
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range requests / clients {
				id := client*requests + i
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(50) == 0 {
					cancel()
				}
				answer, err := q.Do(ctx, i/10*2+id%2, keyOf(id), fmt.Append(nil, id), func() (segment.Key, error) {
					time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // in which others come
					return keyOf(id), outcome(keyOf(id))
				})
				cancel()
				if err == nil && answer != keyOf(id) {
					t.Errorf("request %d got the answer of another", id)
				}
				mu.Lock()
				n := stored[keyOf(id)]
				mu.Unlock()
				switch {
				case err == nil && n != 1, n > 1, errors.Is(err, impossible) && n != 0, errors.Is(err, ErrSeparate):
					t.Errorf("request %d: %v, stored %d times", id, err, n)
				}
			}
		})
	}
	all.Wait()
	if grouped == 0 {
		t.Error("none was joined")
	}
}
