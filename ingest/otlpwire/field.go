package otlpwire

import (
	"encoding/binary"
	"unsafe"
)

// The wire types of protobuf, the low three bits of a tag. The readers switch
// on whole tags, so that a field with another wire type is not taken for it.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireLen     = 2
	wireFixed32 = 5
)

// next reads the field that starts at b[i]: its tag, its number, and where the
// next field starts. For a field with a length, n is that length and the
// content is b[end-n:end]. end is negative when the field is malformed.
func next(b []byte, i int) (tag uint32, n uint64, end int) {
	c := b[i]
	i++
	tag = uint32(c)
	if c >= 0x80 {
		if tag, i = longTag(b, i-1); i < 0 {
			return 0, 0, -1
		}
	}
	if tag>>3 == 0 {
		return 0, 0, -1
	}
	switch tag & 7 {
	case wireVarint:
		if i < len(b) && b[i] < 0x80 {
			return tag, uint64(b[i]), i + 1
		}
		n, end = uvarint(b, i)
		return tag, n, end
	case wireFixed64:
		if len(b)-i < 8 {
			return 0, 0, -1
		}
		return tag, binary.LittleEndian.Uint64(b[i:]), i + 8
	case wireLen:
		if i < len(b) && b[i] < 0x80 {
			n = uint64(b[i])
			i++
		} else if n, i = uvarint(b, i); i < 0 {
			return 0, 0, -1
		}
		if n > uint64(len(b)-i) {
			return 0, 0, -1
		}
		return tag, n, i + int(n)
	case wireFixed32:
		if len(b)-i < 4 {
			return 0, 0, -1
		}
		return tag, uint64(binary.LittleEndian.Uint32(b[i:])), i + 4
	}
	return 0, 0, -1 // groups, which OTLP does not use, and what protobuf does not know
}

// longTag reads a tag of more than one byte.
func longTag(b []byte, i int) (tag uint32, end int) {
	n, end := uvarint(b, i)
	if end < 0 || n>>3 > 1<<29-1 {
		return 0, -1
	}
	return uint32(n), end
}

// uvarint reads a varint at b[i:]; end is negative when it is cut short or
// longer than 64 bits.
func uvarint(b []byte, i int) (n uint64, end int) {
	n, size := binary.Uvarint(b[i:])
	if size <= 0 {
		return 0, -1
	}
	return n, i + size
}

// zigzag is a signed number as protobuf's sint32 has it.
func zigzag(n uint64) int32 { return int32(uint32(n>>1) ^ -uint32(n&1)) }

// view is b as a string, without a copy: it is valid as long as b is as it was.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// fixed fills dst, an id, from a field's content, which may be empty.
func fixed(dst, b []byte) bool {
	if len(b) == 0 {
		clear(dst)
		return true
	}
	return copy(dst, b) == len(dst) && len(b) == len(dst)
}
