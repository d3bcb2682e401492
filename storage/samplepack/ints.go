package samplepack

import (
	"encoding/binary"
)

// appendInts appends numbers, of which there is at least one.
func appendInts(dst []byte, numbers []int64) []byte {
	dst = binary.AppendUvarint(dst, zigzag(uint64(numbers[0])))
	var diffs [block]uint64
	for i := 1; i < len(numbers); i += block {
		part := numbers[i:min(i+block, len(numbers))]
		before, least := numbers[i-1], int64(0)
		for k, v := range part {
			d := v - before // may wrap, and does so back
			before = v
			if diffs[k] = uint64(d); k == 0 || d < least {
				least = d
			}
		}
		var all uint64
		for k := range part {
			diffs[k] -= uint64(least)
			all |= diffs[k]
		}
		width := widthOf(all)
		dst = binary.AppendUvarint(dst, zigzag(uint64(least)))
		dst = append(dst, byte(width))
		dst = appendBits(dst, diffs[:len(part)], width)
	}
	return dst
}

// number is what integers are unpacked to.
type number interface{ ~int64 | ~float64 }

// ints fills dst, which is not empty.
func ints[T number](r *reader, dst []T) error {
	z, err := r.uvarint()
	if err != nil {
		return err
	}
	v := unzigzag(z)
	dst[0] = T(int64(v))
	for i := 1; i < len(dst); i += block {
		part := dst[i:min(i+block, len(dst))]
		z, err := r.uvarint()
		if err != nil {
			return err
		}
		least := unzigzag(z)
		b, err := r.byte()
		if err != nil {
			return err
		}
		width := uint(b)
		src, err := r.numbers(len(part), width)
		if err != nil {
			return err
		}
		switch width {
		case 0:
			for k := range part {
				v += least
				part[k] = T(int64(v))
			}
		case 8:
			src = src[:len(part)]
			for k, d := range src {
				v += least + uint64(d)
				part[k] = T(int64(v))
			}
		case wholeWord:
			for k := range part {
				v += least + binary.LittleEndian.Uint64(src[k*8:])
				part[k] = T(int64(v))
			}
		default:
			mask, at := uint64(1)<<width-1, uint(0)
			for width <= widestTwo && len(part) >= 2 {
				two := binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7)
				v += least + two&mask
				part[0] = T(int64(v))
				v += least + two>>(width&63)&mask
				part[1] = T(int64(v))
				part = part[2:]
				at += 2 * width
			}
			for k := range part {
				v += least + binary.LittleEndian.Uint64(src[at>>3:])>>(at&7)&mask
				part[k] = T(int64(v))
				at += width
			}
		}
	}
	return nil
}
