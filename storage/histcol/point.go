package histcol

import "math"

// Flags of a point. The bits are stored.
const (
	HasSum uint8 = 1 << iota
	HasMin
	HasMax
	NoRecordedValue
	// FloatCounts says that Count, ZeroCount and the counts of buckets are
	// float64 bits: histograms of Prometheus may count in fractions.
	FloatCounts
	hintLow
	hintHigh
)

// Hint is what a sender of native histograms says of counter resets, in two bits
// of a point's flags.
type Hint uint8

// Hints, in Prometheus's numbers. Those who say nothing leave them unknown.
const (
	HintUnknown Hint = iota
	HintReset
	HintNoReset
	HintGauge
)

// Flags are the bits of a hint.
func (h Hint) Flags() uint8 { return uint8(h) * hintLow }

// Hint is the point's.
func (p *Point) Hint() Hint { return Hint(p.Flags & (hintLow | hintHigh) / hintLow) }

// spread is a flag of stored points alone: their counts are as the package's
// comment says.
const spread uint8 = 1 << 7

// Kinds of a point. The numbers are stored.
const (
	KindExplicit    uint8 = 1
	KindExponential uint8 = 2
)

// Point is one histogram, whole.
type Point struct {
	Time, Start    int64 // Unix milliseconds
	Kind           uint8
	Flags          uint8
	Count          uint64
	Sum, Min, Max  float64
	Bounds         []float64 // explicit: upper bounds, ascending
	Counts         []uint64  // explicit: per bucket, one more than Bounds
	Scale          int32     // exponential from here on
	ZeroCount      uint64
	ZeroThreshold  float64
	PositiveOffset int32
	PositiveCounts []uint64
	NegativeOffset int32
	NegativeCounts []uint64
}

// Number is what n, one of the point's counts, counts.
func (p *Point) Number(n uint64) float64 {
	if p.Flags&FloatCounts != 0 {
		return math.Float64frombits(n)
	}
	return float64(n)
}

// canSpread tells whether the point's counts are such that they resemble those of
// the same buckets a moment before.
func (p *Point) canSpread() bool {
	return p.Kind == KindExplicit && p.Flags&FloatCounts == 0 && len(p.Counts) == len(p.Bounds)+1
}

// total is the sum of the counts of all buckets, modulo 2^64.
func (p *Point) total() (sum uint64) {
	for _, n := range p.Counts {
		sum += n
	}
	return sum
}
