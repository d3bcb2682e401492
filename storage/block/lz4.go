package block

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// lz4 compresses blocks in the LZ4 block format. It is made for columns: its
// table stays in the processor's first cache, which is as good as a larger one
// where what repeats is near; it takes matches from six bytes on, as shorter
// ones cost more time, here and where they are read, than they save; and it
// goes over random bytes in growing steps. The zero value is ready.
//
// The format is a list of sequences, the last of which has literals only:
//
//	token: literal length (4 bits) | match length - 4 (4 bits)
//	more literal length: bytes of 255 and one below, when the 4 bits are 15
//	literals
//	offset of the match, backwards (2 bytes)
//	more match length: likewise
//
// The last five bytes are literals, and no match starts in the last twelve.
type lz4 struct {
	table [1 << lz4TableBits]uint32 // by hash of six bytes: position + base
	base  uint32                    // positions below it are of earlier input
}

const (
	lz4TableBits = 12
	lz4MaxOffset = 1<<16 - 1
	lz4MinMatch  = 4       // of the format
	lz4Unread    = 64 - 48 // bits of a word that are not of the six bytes
	lz4Tail      = 12      // no match starts here
	lz4Literals  = 5       // no match ends here
	lz4Wild      = 16      // bytes copied at once
	lz4Patience  = 4       // steps grow by one in 1<<lz4Patience
)

// lz4Hash is that of the six low bytes of v.
func lz4Hash(v uint64) uint64 { return v << lz4Unread * 0xcf1bbcdcb7a56463 >> (64 - lz4TableBits) }

// lz4Bound is the most that n bytes can become.
func lz4Bound(n int) int { return n + n/255 + 16 }

// compress appends src, compressed, to dst. src is shorter than 2 GiB.
func (c *lz4) compress(dst, src []byte) []byte {
	if c.base > 1<<32-1-1<<31-lz4MaxOffset {
		clear(c.table[:])
		c.base = 0
	}
	c.base += lz4MaxOffset + 1 // out of reach of what is in the table
	base := c.base
	c.base += uint32(len(src))
	dst = slices.Grow(dst, lz4Bound(len(src))+lz4Wild)
	out := dst[:cap(dst)]
	n, literals := len(dst), 0 // where the next sequence goes; where its literals start
	for at := 0; ; {
		match, from := c.find(src, at, base)
		if match < 0 {
			break
		}
		for match > literals && from > 0 && src[match-1] == src[from-1] {
			match--
			from--
		}
		length := equal(src, match+lz4MinMatch, from+lz4MinMatch)
		n = lz4Sequence(out, n, src, literals, match, match-from, length)
		at = match + lz4MinMatch + length
		literals = at
		if at < len(src)-lz4Tail {
			c.table[lz4Hash(load64(src, at-2))] = uint32(at-2) + base
		}
	}
	return lz4Last(out[:n], src[literals:])
}

// find looks for six bytes that were there before, from at on, and says where
// they are and were; match is negative when there are none.
func (c *lz4) find(src []byte, at int, base uint32) (match, from int) {
	limit := len(src) - lz4Tail
	for step := 1 << lz4Patience; at < limit; step++ {
		v := load64(src, at)
		slot := &c.table[lz4Hash(v)]
		here, before := uint32(at)+base, *slot
		*slot = here
		if here-before <= lz4MaxOffset {
			if from := int(before - base); (load64(src, from)^v)<<lz4Unread == 0 {
				return at, from
			}
		}
		at += step >> lz4Patience
	}
	return -1, 0
}

// equal is how many bytes from a on are as those from b on, where b < a.
func equal(src []byte, a, b int) int {
	start, limit := a, len(src)-lz4Literals
	for a+8 <= limit {
		if x := load64(src, a) ^ load64(src, b); x != 0 {
			return a - start + bits.TrailingZeros64(x)/8
		}
		a += 8
		b += 8
	}
	for a < limit && src[a] == src[b] {
		a++
		b++
	}
	return a - start
}

// lz4Sequence writes a sequence at out[n:]: the literals src[from:to] and a
// match of four bytes and length more. It says where the next one goes. Short
// literals are copied sixteen bytes at a time, over the end of what is theirs.
func lz4Sequence(out []byte, n int, src []byte, from, to, offset, length int) int {
	literals := to - from
	token := byte(min(length, 15))
	if literals < 15 {
		out[n] = byte(literals)<<4 | token
		n++
		if from+lz4Wild <= len(src) {
			*(*[lz4Wild]byte)(out[n:]) = *(*[lz4Wild]byte)(src[from:])
		} else {
			copy(out[n:], src[from:to])
		}
	} else {
		out[n] = 15<<4 | token
		n = len(lz4Length(out[:n+1], literals-15))
		copy(out[n:], src[from:to])
	}
	n += literals
	binary.LittleEndian.PutUint16(out[n:], uint16(offset))
	n += 2
	if length >= 15 {
		n = len(lz4Length(out[:n], length-15))
	}
	return n
}

// lz4Last appends the last sequence.
func lz4Last(dst, literals []byte) []byte {
	if len(literals) < 15 {
		dst = append(dst, byte(len(literals))<<4)
	} else {
		dst = lz4Length(append(dst, 15<<4), len(literals)-15)
	}
	return append(dst, literals...)
}

func lz4Length(dst []byte, n int) []byte {
	for ; n >= 255; n -= 255 {
		dst = append(dst, 255)
	}
	return append(dst, byte(n))
}

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
