package attribute

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Hasher makes a 64-bit fingerprint of a sequence of fields. Every field is
// written with its length, so that no two sequences share one encoding. The
// zero value is ready; Reset starts again and keeps the buffer.
type Hasher struct{ buf []byte }

// Reset forgets what was written.
func (h *Hasher) Reset() { h.buf = h.buf[:0] }

// String adds a text field.
func (h *Hasher) String(s string) {
	h.buf = binary.AppendUvarint(h.buf, uint64(len(s)))
	h.buf = append(h.buf, s...)
}

// Uint64 adds a number.
func (h *Hasher) Uint64(n uint64) { h.buf = binary.LittleEndian.AppendUint64(h.buf, n) }

// Attributes adds a sorted attribute list, kinds included: 5 and "5" differ.
func (h *Hasher) Attributes(sorted []KeyValue) {
	h.buf = binary.AppendUvarint(h.buf, uint64(len(sorted)))
	for i := range sorted {
		h.String(sorted[i].Key)
		v := &sorted[i].Value
		h.buf = append(h.buf, byte(v.Kind))
		switch v.Kind {
		case Bool, Int, Double:
			h.Uint64(v.Num)
		case String, Bytes, Slice, Map:
			h.String(v.Str)
		}
	}
}

// Sum is the fingerprint (xxHash64) of what was written.
func (h *Hasher) Sum() uint64 { return xxhash.Sum64(h.buf) }

// Hash is the fingerprint of one sorted list.
func Hash(sorted []KeyValue) uint64 {
	var h Hasher
	h.Attributes(sorted)
	return h.Sum()
}

// Mix folds two hashes into one.
func Mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xc2b2ae3d27d4eb4f)
	return hi ^ lo
}
