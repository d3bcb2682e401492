package samplerollup

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/trefoil-o11y/trefoil/storage/samplepack"
)

const (
	flagUnfit = 1 << iota
	flagWhole
)

// counted tells whether the entries of an aspect have counts.
func (a Aspect) counted() bool { return a == Sum || a == Gain }

// Packer packs entries; it keeps its memory. The zero value is ready. Not safe for concurrent use.
type Packer struct {
	samples samplepack.Packer
	pack    []byte
	none    []float64 // zeros
}

// Append appends the body of what Thin made for an aspect.
func (p *Packer) Append(dst []byte, a Aspect, e *Entries) []byte {
	flags := byte(0)
	if e.Unfit {
		flags |= flagUnfit
	}
	if e.Whole {
		flags |= flagWhole
	}
	dst = append(dst, flags)
	switch {
	case e.Unfit || len(e.Times) == 0:
	case a.counted():
		p.pack = p.samples.Append(p.pack[:0], e.Times, e.Values)
		dst = binary.AppendUvarint(dst, uint64(len(p.pack)))
		dst = append(dst, p.pack...)
		rest := e.Rest
		if a == Gain {
			p.none = append(p.none, make([]float64, max(0, len(e.Counts)-len(p.none)))...)
			rest = p.none[:len(e.Counts)]
		}
		dst = p.samples.Append(dst, e.Counts, rest)
	default:
		dst = p.samples.Append(dst, e.Times, e.Values)
	}
	return dst
}

// Unpack appends the entries of the body of a day that follows those that are there; of Gain the counts go on, and
// there is no Rest. An empty body is of a day without samples.
func (e *Entries) Unpack(a Aspect, body []byte) (err error) {
	if len(body) == 0 {
		return nil
	}
	e.Unfit = e.Unfit || body[0]&flagUnfit != 0
	e.Whole = e.Whole && body[0]&flagWhole != 0
	body = body[1:]
	if len(body) == 0 {
		return nil
	}
	pack := body
	if a.counted() {
		n, k := binary.Uvarint(body)
		if k <= 0 || n > uint64(len(body)-k) {
			return samplepack.ErrBroken
		}
		pack, body = body[k:][:n], body[k+int(n):]
	}
	if e.Times, e.Values, err = samplepack.Unpack(pack, e.Times, e.Values); err != nil || !a.counted() {
		return err
	}
	from := len(e.Counts)
	if a == Gain { // there are zeros
		e.Counts, err = samplepack.Times(body, e.Counts)
	} else {
		e.Counts, e.Rest, err = samplepack.Unpack(body, e.Counts, e.Rest)
	}
	if err != nil {
		return err
	}
	if len(e.Counts) != len(e.Times) {
		return fmt.Errorf("%w: %d entries, %d counts", samplepack.ErrBroken, len(e.Times), len(e.Counts))
	}
	if a == Gain && from > 0 {
		for i, before := from, e.Counts[from-1]; i < len(e.Counts); i++ {
			e.Counts[i] += before
		}
	}
	return nil
}

// Within is the entries in [from,to], of the same memory.
func (e *Entries) Within(from, to int64) Entries {
	lo, _ := slices.BinarySearch(e.Times, from)
	hi, _ := slices.BinarySearch(e.Times, to+1)
	hi = max(hi, lo)
	cut := func(n int) (int, int) { return min(lo, n), min(hi, n) }
	out := *e
	a, b := cut(len(e.Times))
	out.Times, out.Values = e.Times[a:b], e.Values[a:b]
	a, b = cut(len(e.Counts))
	out.Counts = e.Counts[a:b]
	a, b = cut(len(e.Rest))
	out.Rest = e.Rest[a:b]
	return out
}

// Fit tells whether the aspect does for the samples of a body, and whether sums of them are exact in any order.
func Fit(body []byte) (fit, whole bool) {
	return len(body) == 0 || body[0]&flagUnfit == 0, len(body) == 0 || body[0]&flagWhole != 0
}
