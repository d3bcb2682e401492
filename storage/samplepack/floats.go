package samplepack

import (
	"encoding/binary"
	"math"
	"math/bits"
)

func appendFloats(dst []byte, values []float64) []byte {
	before := math.Float64bits(values[0])
	dst = binary.LittleEndian.AppendUint64(dst, before)
	var changed [block]uint64
	for i := 1; i < len(values); i += block {
		part := values[i:min(i+block, len(values))]
		var all uint64
		for k, v := range part {
			b := math.Float64bits(v)
			changed[k] = b ^ before
			before = b
			all |= changed[k]
		}
		shift := uint(0)
		if all != 0 {
			shift = uint(bits.TrailingZeros64(all))
		}
		for k := range part {
			changed[k] >>= shift
		}
		width := widthOf(all >> shift)
		dst = append(dst, byte(shift), byte(width))
		dst = appendBits(dst, changed[:len(part)], width)
	}
	return dst
}

func (r *reader) floats(dst []float64) error {
	if len(r.src) < 8 {
		return ErrBroken
	}
	v := binary.LittleEndian.Uint64(r.src)
	r.src = r.src[8:]
	dst[0] = math.Float64frombits(v)
	for i := 1; i < len(dst); i += block {
		part := dst[i:min(i+block, len(dst))]
		shift, err := r.byte()
		if err != nil {
			return err
		}
		b, err := r.byte()
		if err != nil {
			return err
		}
		width := uint(b)
		src, err := r.numbers(len(part), width)
		if err != nil {
			return err
		}
		mask, at := uint64(1)<<width-1, uint(0) // a shift of 64 leaves all ones
		for k := range part {
			v ^= binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask << (shift & 63)
			part[k] = math.Float64frombits(v)
			at += width
		}
	}
	return nil
}
