package recent

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestWhatIsAskedForStays(t *testing.T) {
	m := New[int, string](10, nil)
	m.Put(0, "asked for")
	for i := 1; i < 1000; i++ {
		m.Put(i, fmt.Sprint(i))
		if v, ok := m.Get(0); !ok || v != "asked for" {
			t.Fatalf("gone after %d others", i)
		}
	}
	if _, ok := m.Get(1); ok {
		t.Error("what nobody asked for is still there")
	}
	if v, ok := m.Get(999); !ok || v != "999" {
		t.Errorf("the last one: %q, %v", v, ok)
	}
	peeked := -1
	for i := 1000; peeked < 0; i++ {
		m.Put(i, "")
		if _, ok := m.Peek(999); !ok {
			peeked = i
		}
	}
	if peeked > 1020 {
		t.Errorf("what was only looked at stayed until %d", peeked)
	}
}

func TestTheSizeIsBounded(t *testing.T) {
	const most = 50
	m := New[int](most, func(v []byte) int { return len(v) })
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		m.Put(rng.IntN(30), make([]byte, rng.IntN(2*most)))
		m.Get(rng.IntN(30))
		total := 0
		for _, generation := range []map[int][]byte{m.young, m.old} {
			of := 0
			for _, v := range generation {
				of += len(v)
			}
			total += of
		}
		if total > 2*most {
			t.Fatalf("%d held", total)
		}
	}
	m.Put(1, make([]byte, most+1))
	if v, _ := m.Get(1); len(v) > most {
		t.Error("what is too large is kept")
	}
}
