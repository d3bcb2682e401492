package histcol

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// own is how many buckets have a column of their own: as many as OpenTelemetry's
// default bounds make, and more than Prometheus's.
const own = 16

// Columns collects points. Not safe for concurrent use.
type Columns struct {
	Input proto.Input // of a block

	owner                                 *block.Owner
	fingerprint                           proto.ColUInt64
	time, start                           proto.ColInt64
	kind, flags                           proto.ColUInt8
	count                                 proto.ColUInt64
	sum, min, max                         proto.ColFloat64
	sumDigits                             proto.ColInt64
	sumPlaces                             proto.ColUInt8
	sumUlps                               proto.ColInt16
	buckets                               [own]proto.ColUInt64
	boundData                             proto.ColFloat64
	countData, positiveData, negativeData proto.ColUInt64
	bounds, counts, positive, negative    *block.Array
	scale, positiveOffset, negativeOffset proto.ColInt32
	zeroCount                             proto.ColUInt64
	zeroThreshold                         proto.ColFloat64

	places uint8 // of the last sum, which was one of the metric
	metric uint64
}

// New makes columns for the points of an owner.
func New(o *block.Owner) *Columns {
	c := &Columns{owner: o}
	c.bounds, c.counts = block.NewArray(&c.boundData), block.NewArray(&c.countData)
	c.positive, c.negative = block.NewArray(&c.positiveData), block.NewArray(&c.negativeData)
	buckets := make(proto.ColTuple, own)
	for i := range buckets {
		buckets[i] = &c.buckets[i]
	}
	c.Input = o.Columns(proto.Input{
		{Name: "fingerprint", Data: &c.fingerprint},
		{Name: "time", Data: block.Typed(&c.time, block.Milliseconds)},
		{Name: "start_time", Data: block.Typed(&c.start, block.Milliseconds)},
		{Name: "kind", Data: &c.kind},
		{Name: "flags", Data: &c.flags},
		{Name: "count", Data: &c.count},
		{Name: "sum", Data: &c.sum},
		{Name: "sum_digits", Data: &c.sumDigits},
		{Name: "sum_places", Data: &c.sumPlaces},
		{Name: "sum_ulps", Data: &c.sumUlps},
		{Name: "min", Data: &c.min},
		{Name: "max", Data: &c.max},
		{Name: "bounds", Data: c.bounds},
		{Name: "buckets", Data: buckets},
		{Name: "counts", Data: c.counts},
		{Name: "scale", Data: &c.scale},
		{Name: "zero_count", Data: &c.zeroCount},
		{Name: "zero_threshold", Data: &c.zeroThreshold},
		{Name: "positive_offset", Data: &c.positiveOffset},
		{Name: "positive_counts", Data: c.positive},
		{Name: "negative_offset", Data: &c.negativeOffset},
		{Name: "negative_counts", Data: c.negative},
	}...)
	return c
}

// Rows is the number of points.
func (c *Columns) Rows() int { return len(c.fingerprint) }

// Append adds a point of a series, the slices of which are copied.
func (c *Columns) Append(fp uint64, p *Point) {
	c.owner.AddRow()
	c.fingerprint.Append(fp)
	c.time.Append(p.Time)
	c.start.Append(p.Start)
	c.kind.Append(p.Kind)
	c.appendSum(fp, p.Sum)
	c.min.Append(p.Min)
	c.max.Append(p.Max)
	c.boundData = append(c.boundData, p.Bounds...)
	c.bounds.EndRow()
	c.appendCounts(p)
	c.scale.Append(p.Scale)
	c.zeroCount.Append(p.ZeroCount)
	c.zeroThreshold.Append(p.ZeroThreshold)
	c.positiveOffset.Append(p.PositiveOffset)
	c.positiveData = append(c.positiveData, p.PositiveCounts...)
	c.positive.EndRow()
	c.negativeOffset.Append(p.NegativeOffset)
	c.negativeData = append(c.negativeData, p.NegativeCounts...)
	c.negative.EndRow()
}

func (c *Columns) appendCounts(p *Point) {
	flags, count, rest := p.Flags&^spread, p.Count, p.Counts
	var first []uint64
	if p.canSpread() {
		flags |= spread
		count -= p.total()
		first, rest = p.Counts[:min(own, len(p.Counts))], p.Counts[min(own, len(p.Counts)):]
	}
	c.flags.Append(flags)
	c.count.Append(count)
	for i := range c.buckets {
		n := uint64(0)
		if i < len(first) {
			n = first[i]
		}
		c.buckets[i].Append(n)
	}
	c.countData = append(c.countData, rest...)
	c.counts.EndRow()
}

// appendSum adds a sum. Those of one metric, whose name is in the upper bits of
// its fingerprints, get the same number of places if they can.
func (c *Columns) appendSum(fp uint64, v float64) {
	const name = 52 // bits that are not of it
	if fp>>name != c.metric {
		c.metric, c.places = fp>>name, 0
	}
	d, ok := split(v, c.places)
	if ok {
		c.places, v = d.places, 0
	}
	c.sum.Append(v)
	c.sumDigits.Append(d.digits)
	c.sumPlaces.Append(d.places)
	c.sumUlps.Append(d.ulps)
}
