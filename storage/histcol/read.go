package histcol

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Select is the columns that Scan reads, of the series and of its point. Arrays
// are sent as the bytes they are made of: the driver would take them apart number
// by number.
func Select() []chsql.Expr {
	millis := func(e chsql.Expr) chsql.Expr { return chsql.Func("toUnixTimestamp64Milli", e) }
	raw := func(e chsql.Expr) chsql.Expr { return chsql.Func("reinterpretAsString", e) }
	buckets := make([]chsql.Expr, own)
	for i := range buckets {
		buckets[i] = chsql.Func("tupleElement", chsql.Col("buckets"), chsql.Int(int64(i+1)))
	}
	return []chsql.Expr{
		chsql.Col("fingerprint"), millis(chsql.Col("time")), millis(chsql.Col("start_time")), chsql.Col("kind"), chsql.Col("flags"),
		chsql.Col("count"), chsql.Col("sum"), chsql.Col("sum_digits"), chsql.Col("sum_places"), chsql.Col("sum_ulps"), chsql.Col("min"), chsql.Col("max"),
		raw(chsql.Col("bounds")), raw(chsql.Func("array", buckets...)), raw(chsql.Col("counts")),
		chsql.Col("scale"), chsql.Col("zero_count"), chsql.Col("zero_threshold"),
		chsql.Col("positive_offset"), raw(chsql.Col("positive_counts")), chsql.Col("negative_offset"), raw(chsql.Col("negative_counts")),
	}
}

// Row is a row of a result; driver.Rows is one.
type Row interface{ Scan(dest ...any) error }

// Scan reads a row of what Select asks for. The slices of the point are the
// caller's.
func Scan(row Row) (fp uint64, p Point, err error) {
	var d decimal
	var bounds, buckets, counts, positive, negative string
	err = row.Scan(&fp, &p.Time, &p.Start, &p.Kind, &p.Flags, &p.Count, &p.Sum, &d.digits, &d.places, &d.ulps, &p.Min, &p.Max,
		&bounds, &buckets, &counts,
		&p.Scale, &p.ZeroCount, &p.ZeroThreshold, &p.PositiveOffset, &positive, &p.NegativeOffset, &negative)
	if err != nil {
		return 0, Point{}, err
	}
	if d.digits != 0 {
		p.Sum = d.value()
	}
	p.Bounds, p.PositiveCounts, p.NegativeCounts = Floats(bounds), uints(positive), uints(negative)
	if p.Flags&spread == 0 {
		p.Counts = uints(counts)
		return fp, p, nil
	}
	p.Flags &^= spread
	n := len(p.Bounds) + 1
	if len(buckets) != own*8 || len(counts)/8 != max(n-own, 0) {
		return 0, Point{}, fmt.Errorf("histogram: %d bounds, %d bytes of buckets and %d further counts", n-1, len(buckets), len(counts)/8)
	}
	p.Counts = uints(buckets[:min(n, own)*8] + counts)
	p.Count += p.total()
	return fp, p, nil
}

// Floats are the numbers of an array that is sent as its bytes; nil when there are
// none.
func Floats(s string) []float64 { return numbers(s, math.Float64frombits) }

func uints(s string) []uint64 { return numbers(s, func(n uint64) uint64 { return n }) }

// numbers are the eight bytes each, little endian, that s is made of; nil when
// there are none.
func numbers[T any](s string, of func(uint64) T) []T {
	if len(s) == 0 {
		return nil
	}
	out := make([]T, len(s)/8)
	for i := range out {
		out[i] = of(binary.LittleEndian.Uint64([]byte(s[i*8 : i*8+8])))
	}
	return out
}
