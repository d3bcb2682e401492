package samplepack

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	block     = 64 // numbers that share a width
	widest    = 57
	widestTwo = 28 // of two numbers that one word holds, wherever they begin
	wholeWord = 64
)

// ErrBroken says that bytes are no pack.
var ErrBroken = errors.New("samples: broken pack")

// widthOf is the width of a block whose numbers have these bits between them.
func widthOf(all uint64) uint {
	if w := uint(bits.Len64(all)); w <= widest {
		return w
	}
	return wholeWord
}

// size is how many bytes n numbers take.
func size(n int, width uint) int { return (n*int(width) + 7) / 8 }

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// appendBits appends numbers, which are not wider than width.
func appendBits(dst []byte, numbers []uint64, width uint) []byte {
	if width == wholeWord {
		for _, x := range numbers {
			dst = binary.LittleEndian.AppendUint64(dst, x)
		}
		return dst
	}
	var acc uint64
	var have uint // bits in acc, less than 8 before every number
	for _, x := range numbers {
		acc |= x << have
		for have += width; have >= 8; have -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// reader takes a pack apart.
type reader struct{ src []byte }

func (r *reader) uvarint() (uint64, error) {
	v, n := binary.Uvarint(r.src)
	if n <= 0 {
		return 0, ErrBroken
	}
	r.src = r.src[n:]
	return v, nil
}

func (r *reader) byte() (byte, error) {
	if len(r.src) == 0 {
		return 0, ErrBroken
	}
	b := r.src[0]
	r.src = r.src[1:]
	return b, nil
}

// Spare is how many bytes of capacity are best left behind a pack. What they are does not matter; without them the end of
// the pack is copied before it is read.
const Spare = 8

// numbers is where the n numbers of a block are, with Spare bytes behind
// the first byte of each.
func (r *reader) numbers(n int, width uint) ([]byte, error) {
	if width > widest && width != wholeWord {
		return nil, ErrBroken
	}
	k := size(n, width)
	if len(r.src) < k {
		return nil, ErrBroken
	}
	at := r.src
	if cap(at) < k+Spare {
		at = append(make([]byte, 0, k+Spare), at[:k]...)
	}
	r.src = r.src[k:]
	return at[:k+Spare], nil
}
