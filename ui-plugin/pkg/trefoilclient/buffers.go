package trefoilclient

import "sync"

// What is kept: pieces of the size in which Trefoil sends numbers, enough for a
// few answers of a million at once.
const (
	leastKept = 64 << 10
	mostKept  = 32 << 20
)

// buffers are pieces of memory that have served and serve again, since to clear
// and to map fresh ones costs as much as to fill them. Its zero value is empty
// and ready; it is safe for concurrent use.
type buffers struct {
	mu   sync.Mutex
	free [][]byte
	size int // of free
}

// get is a piece of n bytes, with whatever is in it.
func (b *buffers) get(n int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.free {
		if cap(f) >= n && cap(f) <= 2*n {
			last := len(b.free) - 1
			b.free[i], b.free[last] = b.free[last], nil
			b.free = b.free[:last]
			b.size -= cap(f)
			return f[:n]
		}
	}
	return make([]byte, n)
}

// put takes back a piece that nobody reads any more.
func (b *buffers) put(piece []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cap(piece) >= leastKept && b.size+cap(piece) <= mostKept {
		b.free = append(b.free, piece)
		b.size += cap(piece)
	}
}
