package block

import (
	"bytes"
	"math/rand/v2"
	"testing"

	reference "github.com/pierrec/lz4/v4"
)

// roundTrip compresses b and has the reference decompress it.
func roundTrip(t testing.TB, c *lz4, b []byte) []byte {
	t.Helper()
	packed := c.compress(nil, b)
	if len(packed) > lz4Bound(len(b)) {
		t.Fatalf("%d bytes became %d, over the bound of %d", len(b), len(packed), lz4Bound(len(b)))
	}
	plain := make([]byte, len(b))
	n, err := reference.UncompressBlock(packed, plain)
	if err != nil || n != len(b) || !bytes.Equal(plain, b) {
		t.Fatalf("%d bytes became %d: %v", len(b), n, err)
	}
	return packed
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte{}, []byte("a"))
	f.Add([]byte("abcdabcdabcdabcdabcdabcd"), bytes.Repeat([]byte{0}, 1000))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var c lz4
		roundTrip(t, &c, first)
		roundTrip(t, &c, second)
		roundTrip(t, &c, bytes.Repeat(append(first, second...), 20))
	})
}

func TestLZ4(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	var c lz4
	for n := range 100 { // every way to end
		roundTrip(t, &c, random[:n])
		roundTrip(t, &c, make([]byte, n))
		roundTrip(t, &c, append(bytes.Repeat([]byte("abcde"), 20), random[:n]...))
	}
	roundTrip(t, &c, random)
	far := append(append(random[:1000:1000], make([]byte, 70_000)...), random[:1000]...) // over 64 KiB apart
	roundTrip(t, &c, far)
	if n := len(roundTrip(t, &c, make([]byte, 100_000))); n > 500 {
		t.Errorf("zeros take %d bytes", n)
	}
	c.base = 1<<31 - 70_000 // positions come to an end
	for range 10 {
		roundTrip(t, &c, random[:50_000])
	}
}
