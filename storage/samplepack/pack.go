package samplepack

import (
	"encoding/binary"
	"math"
	"slices"
)

// kindFloats marks values that are no decimals; other kinds are how many decimals
// they have.
const kindFloats = 255

// mostDecimals is how many decimals are looked for.
const mostDecimals = 6

var powers = [16]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// Packer packs; it keeps its memory. The zero value is ready. Not safe for
// concurrent use.
type Packer struct{ scaled []int64 }

// Append appends the pack of samples, whose times and values are equally many.
// They come back to the bit.
func (p *Packer) Append(dst []byte, times []int64, values []float64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(times)))
	if len(times) == 0 {
		return dst
	}
	dst = appendInts(dst, times)
	decimals, ok := p.scale(values)
	if !ok {
		return appendFloats(append(dst, kindFloats), values)
	}
	return appendInts(append(dst, byte(decimals)), p.scaled)
}

// scale finds the least number of decimals that all values have.
func (p *Packer) scale(values []float64) (decimals int, ok bool) {
	p.scaled = slices.Grow(p.scaled[:0], len(values))[:len(values)]
	for decimals <= mostDecimals {
		k := 0
		for ; k < len(values); k++ {
			m, exact := scaled(values[k], powers[decimals])
			if !exact {
				break
			}
			p.scaled[k] = m
		}
		if k == len(values) {
			return decimals, true
		}
		decimals++
	}
	return 0, false
}

// scaled is the integer that divided by power is v to the bit.
func scaled(v, power float64) (m int64, exact bool) {
	x := math.RoundToEven(v * power)
	if !(math.Abs(x) < 1<<53) {
		return 0, false
	}
	m = int64(x)
	return m, math.Float64bits(float64(m)/power) == math.Float64bits(v)
}

// Most is the most samples a pack may have. Few bytes stand for many samples where
// all differences are equal, so what a pack says of itself must be bounded.
const Most = 1 << 22

// Unpack appends the samples of a pack to times and values. On an error they are
// left as they were.
func Unpack(pack []byte, times []int64, values []float64) ([]int64, []float64, error) {
	r := reader{src: pack}
	n, err := r.count()
	if err != nil || n == 0 {
		return times, values, err
	}
	ts := slices.Grow(times, n)[:len(times)+n]
	vs := slices.Grow(values, n)[:len(values)+n]
	if err := r.samples(ts[len(times):], vs[len(values):]); err != nil {
		return times, values, err
	}
	return ts, vs, nil
}

// Times is Unpack of the times alone.
func Times(pack []byte, times []int64) ([]int64, error) {
	r := reader{src: pack}
	n, err := r.count()
	if err != nil || n == 0 {
		return times, err
	}
	ts := slices.Grow(times, n)[:len(times)+n]
	if err := ints(&r, ts[len(times):]); err != nil {
		return times, err
	}
	return ts, nil
}

// count reads how many samples there are.
func (r *reader) count() (int, error) {
	n, err := r.uvarint()
	if err != nil || n > Most || int(n) > block*(len(r.src)+1) { // a block takes a byte at least
		return 0, ErrBroken
	}
	return int(n), nil
}

func (r *reader) samples(times []int64, values []float64) error {
	if err := ints(r, times); err != nil {
		return err
	}
	kind, err := r.byte()
	switch {
	case err != nil:
		return err
	case kind == kindFloats:
		return r.floats(values)
	case int(kind) >= len(powers):
		return ErrBroken
	}
	if err := ints(r, values); err != nil {
		return err
	}
	if power := powers[kind]; kind > 0 {
		for i := range values {
			values[i] /= power
		}
	}
	return nil
}
