package packcache

import (
	"math/bits"
	"slices"

	"github.com/trefoil-o11y/trefoil/storage/samplepack"
)

// Hours is a set of the 24 hours of a day, a bit each.
type Hours uint32

// Between is the hours from first to last.
func Between(first, last int) Hours { return Hours(1)<<(last+1) - Hours(1)<<first }

// Has tells whether an hour is in the set.
func (h Hours) Has(hour int) bool { return h>>hour&1 == 1 }

// First is the first hour of a set that is not empty.
func (h Hours) First() int { return bits.TrailingZeros32(uint32(h)) }

// Last is the last hour of a set that is not empty.
func (h Hours) Last() int { return bits.Len32(uint32(h)) - 1 }

// Day is what is known of the samples that a series has on one day. It is shared
// and never changed; a nil one knows nothing.
type Day struct {
	Version uint64 // what the day was like when it was looked at
	Looked  Hours  // hours known about: what is in none of the next two has no samples
	Packed  Hours  // hours whose samples are all in a pack
	Loose   Hours  // hours with samples that are in no pack
	Samples uint32 // in the loose hours
	ends    []uint32
	data    []byte
}

// Pack is the pack of an hour that is packed.
func (d *Day) Pack(hour int) []byte {
	i := bits.OnesCount32(uint32(d.Packed & (1<<hour - 1)))
	from := uint32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.data[from:d.ends[i]]
}

// More is what was found out about hours of a day: of those looked at, the packs,
// and which are loose. An hour with a pack is not loose.
type More struct {
	Looked, Loose Hours
	Samples       uint32 // in the loose hours
	Packs         [24][]byte
}

// With is a day that also knows more; where both know of an hour, more counts. The
// packs are copied.
func (d *Day) With(version uint64, m *More) *Day {
	out := &Day{Version: version, Looked: m.Looked, Loose: m.Loose, Samples: m.Samples}
	packs, size, n := m.Packs, 0, 0
	if d != nil {
		kept := d.Looked &^ m.Looked
		out.Looked |= kept
		if out.Loose |= d.Loose & kept; d.Loose&kept != 0 {
			out.Samples += d.Samples
		}
		for h := d.Packed & kept; h != 0; h &= h - 1 {
			packs[h.First()] = d.Pack(h.First())
		}
	}
	for _, p := range packs {
		if size += len(p); len(p) > 0 {
			n++
		}
	}
	out.ends, out.data = make([]uint32, 0, n), make([]byte, 0, size+samplepack.Spare)
	for hour, p := range packs {
		if len(p) > 0 {
			out.Packed |= 1 << hour
			out.data = append(out.data, p...)
			out.ends = append(out.ends, uint32(len(out.data)))
		}
	}
	out.ends = slices.Clip(out.ends)
	return out
}

// size is the memory a day takes, its place in the cache included.
func (d *Day) size() int64 {
	const own = 72 + 40
	return own + int64(4*cap(d.ends)+cap(d.data))
}
