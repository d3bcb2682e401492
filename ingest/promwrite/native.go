package promwrite

import (
	"fmt"
	"math"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/protofield"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

const (
	customSchema = -53 // buckets with the bounds of custom_values
)

// staleNaN are the bits of the sum of a histogram that ends its series.
const staleNaN = uint64(0x7ff0000000000002)

// sparse is a native histogram as it is sent: buckets in spans, counts either
// as deltas to the one before or as float64 bits.
type sparse struct {
	count, zero        uint64
	float              bool
	hint               histcol.Hint
	sum, zeroThreshold float64
	schema             int64
	positive, negative side
	bounds             []float64
	time, start        int64
	tooMany            bool // buckets, spans or bounds

	filled []bucket // scratch
}

type side struct {
	spans  []span
	deltas []int64
	floats []uint64
}

type span struct {
	offset int64
	length uint64
}

const notOneCount = "spans do not have one count, 0 or more, for each bucket"

// bucket is one bucket that was sent, by its index.
type bucket struct {
	index int64
	count uint64
}

func (h *sparse) reset() {
	clean := func(s side) side { return side{s.spans[:0], s.deltas[:0], s.floats[:0]} }
	*h = sparse{positive: clean(h.positive), negative: clean(h.negative), bounds: h.bounds[:0], filled: h.filled[:0]}
}

// typ is the type of the series the histogram belongs to.
func (h *sparse) typ() metricstore.Type {
	if h.schema == customSchema {
		return metricstore.Histogram
	}
	return metricstore.ExponentialHistogram
}

// histogram reads a histogram into r.sparse and r.dense and says what is wrong
// with its buckets.
func (r *reader) histogram(m protofield.Message) (wrong string) {
	h := &r.sparse
	h.reset()
	h.start = r.series.start
	for m.Next() {
		r.histogramField(&m)
	}
	if h.tooMany {
		return fmt.Sprintf("more than %d buckets, spans or bounds", r.limits.Buckets)
	}
	d := &r.dense
	*d = histcol.Point{Bounds: d.Bounds[:0], Counts: d.Counts[:0], PositiveCounts: d.PositiveCounts[:0], NegativeCounts: d.NegativeCounts[:0]}
	d.Count, d.Sum, d.Flags = h.count, h.sum, histcol.HasSum
	d.Flags |= h.hint.Flags()
	if h.float {
		d.Flags |= histcol.FloatCounts
	}
	if h.typ() == metricstore.Histogram {
		wrong = h.explicit(d)
	} else {
		wrong = h.exponential(d, int64(r.limits.Buckets))
	}
	if wrong == "" {
		wrong = h.miscounted(d)
	}
	return wrong
}

// miscounted says how the count of d differs from that of its buckets.
// Observations of NaN, which leave a sum of NaN, are in no bucket; counts in
// fractions need not add up to the last bit.
func (h *sparse) miscounted(d *histcol.Point) (wrong string) {
	if h.float || math.Float64bits(h.sum) == staleNaN {
		return ""
	}
	sum := d.ZeroCount
	for _, counts := range [][]uint64{d.Counts, d.PositiveCounts, d.NegativeCounts} {
		for _, n := range counts {
			sum += n
		}
	}
	if sum == d.Count || math.IsNaN(h.sum) && sum < d.Count {
		return ""
	}
	return fmt.Sprintf("count %d, and %d in all buckets", d.Count, sum)
}

func (r *reader) histogramField(m *protofield.Message) {
	h := &r.sparse
	switch m.Number() {
	case 1:
		h.count = m.Varint()
	case 2:
		h.count, h.float = math.Float64bits(m.Double()), true
	case 3:
		h.sum = m.Double()
	case 4:
		h.schema = m.Zigzag()
	case 5:
		h.zeroThreshold = m.Double()
	case 6:
		h.zero = m.Varint()
	case 7:
		h.zero = math.Float64bits(m.Double())
	case 8:
		r.span(&h.negative, m.Message())
	case 9:
		m.Varints(func(n uint64) bool { return grow(r, &h.negative.deltas, zigzag(n)) })
	case 10:
		m.Doubles(func(n uint64) bool { return grow(r, &h.negative.floats, n) })
	case 11:
		r.span(&h.positive, m.Message())
	case 12:
		m.Varints(func(n uint64) bool { return grow(r, &h.positive.deltas, zigzag(n)) })
	case 13:
		m.Doubles(func(n uint64) bool { return grow(r, &h.positive.floats, n) })
	case 14:
		if hint := m.Varint(); hint <= uint64(histcol.HintGauge) {
			h.hint = histcol.Hint(hint)
		}
	case 15:
		h.time = int64(m.Varint())
	case 16:
		m.Doubles(func(n uint64) bool { return grow(r, &h.bounds, math.Float64frombits(n)) })
	case 17:
		if start := int64(m.Varint()); start > 0 {
			h.start = start
		}
	}
}

func zigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// grow appends one element unless there are too many.
func grow[T any](r *reader, list *[]T, v T) bool {
	if len(*list) >= r.limits.Buckets {
		r.sparse.tooMany = true
		return false
	}
	*list = append(*list, v)
	return true
}

func (r *reader) span(s *side, m protofield.Message) {
	var p span
	for m.Next() {
		switch m.Number() {
		case 1:
			p.offset = m.Zigzag()
		case 2:
			p.length = m.Varint()
		}
	}
	grow(r, &s.spans, p)
}

// buckets lists the buckets of a side, in h.filled; ok is false when there are
// not as many counts as the spans say, or a count is below zero.
func (h *sparse) buckets(s *side) (list []bucket, ok bool) {
	counts := len(s.deltas)
	if h.float {
		counts = len(s.floats)
	}
	list = h.filled[:0]
	index, n, total := int64(0), 0, int64(0)
	for _, p := range s.spans {
		if p.length > uint64(counts-n) || p.offset > math.MaxInt32 || p.offset < math.MinInt32 {
			return nil, false
		}
		for index += p.offset; p.length > 0; p.length-- {
			count := uint64(0)
			if h.float {
				count = s.floats[n]
			} else {
				if total += s.deltas[n]; total < 0 {
					return nil, false
				}
				count = uint64(total)
			}
			list = append(list, bucket{index, count})
			index++
			n++
		}
	}
	h.filled = list[:0]
	return list, n == counts
}

// explicit makes d a histogram with the custom bounds.
func (h *sparse) explicit(d *histcol.Point) (wrong string) {
	list, ok := h.buckets(&h.positive)
	if !ok {
		return "positive " + notOneCount
	}
	d.Bounds = append(d.Bounds, h.bounds...)
	for range len(h.bounds) + 1 {
		d.Counts = append(d.Counts, 0)
	}
	for _, b := range list {
		if b.index < 0 || b.index >= int64(len(d.Counts)) {
			return fmt.Sprintf("bucket %d of %d", b.index, len(d.Counts))
		}
		d.Counts[b.index] = b.count
	}
	return ""
}

// exponential makes d a histogram with at most limit buckets a side, gaps
// included; at a lower resolution if need be, which is exact: neighbours become
// one bucket.
func (h *sparse) exponential(d *histcol.Point, limit int64) (wrong string) {
	if h.schema < math.MinInt32 || h.schema > math.MaxInt32 {
		return fmt.Sprintf("schema %d", h.schema)
	}
	d.Scale, d.ZeroCount, d.ZeroThreshold = int32(h.schema), h.zero, h.zeroThreshold
	shift := 0
	sides := []struct {
		side   *side
		name   string
		offset *int32
		counts *[]uint64
	}{
		{&h.positive, "positive ", &d.PositiveOffset, &d.PositiveCounts},
		{&h.negative, "negative ", &d.NegativeOffset, &d.NegativeCounts},
	}
	for _, s := range sides {
		list, ok := h.buckets(s.side)
		if !ok {
			return s.name + notOneCount
		}
		if len(list) == 0 {
			continue
		}
		first, last := list[0].index-1, list[len(list)-1].index-1
		if first > last || first < -1<<30 || last > 1<<30 {
			return s.name + "buckets do not ascend or are out of range"
		}
		for last>>shift-first>>shift >= limit {
			shift++
		}
	}
	d.Scale -= int32(shift)
	for _, s := range sides {
		list, _ := h.buckets(s.side)
		var ok bool
		if *s.offset, *s.counts, ok = h.spread(*s.counts, list, shift); !ok {
			return s.name + "buckets do not ascend or are out of range"
		}
	}
	return ""
}

// spread lays buckets out densely. Bucket i ends at base^i here, at base^(i+1)
// in what is stored, hence indexes are one lower. Buckets must ascend.
func (h *sparse) spread(dst []uint64, list []bucket, shift int) (offset int32, counts []uint64, ok bool) {
	if len(list) == 0 {
		return 0, dst, true
	}
	first, last := (list[0].index-1)>>shift, (list[len(list)-1].index-1)>>shift
	for range last - first + 1 {
		dst = append(dst, 0)
	}
	for i, b := range list {
		if i > 0 && b.index <= list[i-1].index {
			return 0, dst, false
		}
		at := &dst[(b.index-1)>>shift-first]
		if h.float {
			*at = math.Float64bits(math.Float64frombits(*at) + math.Float64frombits(b.count))
		} else {
			*at += b.count
		}
	}
	return int32(first), dst, true
}

// addHistogram adds the histogram read last.
func (r *reader) addHistogram(wrong string) {
	h := &r.sparse
	r.charge(len(r.dense.Counts)/8 + len(r.dense.PositiveCounts)/8 + len(r.dense.NegativeCounts)/8)
	r.written.Histograms += r.add(h.time, h.start, func() {
		r.point.NoRecordedValue = math.Float64bits(h.sum) == staleNaN
		switch {
		case wrong != "":
			r.in.Reject(ingest.BucketsInvalid, wrong)
		case h.typ() == metricstore.Histogram:
			r.in.AddHistogram(&r.point, &r.dense)
		default:
			r.in.AddExponential(&r.point, &r.dense)
		}
	})
}
