package samplestore

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Range says which points are wanted: of which series, from and to Unix
// milliseconds inclusive, and how many at most (0 means the default of the
// kind of point).
type Range struct {
	Fingerprints []uint64
	From, To     int64
	Limit        int
	// Dense says that the series are all of their metrics, or most: to name thousands
	// by the first and the last costs the server a fraction of a list.
	Dense bool
	// InTurn, if not nil, is called by Stream before anything else if it has all of the
	// range in memory. Then it passes on the series about in the order of Fingerprints,
	// which are all different, and those without samples too.
	InTurn func()
	// As is what the tables held before the read, or earlier: what is in memory
	// and still as true is not read again by Stream.
	As Version
}

// batch is how many series are asked for at once.
const batch = 10_000

// fewDense is how many series are listed even if they are dense.
const fewDense = 1_000

// NameShift is where the bits of a fingerprint begin that are of the metric's name
// alone, so that the series of a metric lie together.
const NameShift = 52

// of is the condition that series, which are in order and some of the range's, are
// meant, and its parameters. It may mean others, too, if Dense.
func (r Range) of(fps []uint64) (chsql.Expr, map[string]string) {
	fp := chsql.Col("fingerprint")
	if n := len(fps); r.Dense && n >= fewDense && 2*n >= len(r.Fingerprints) && fps[0]>>NameShift == fps[n-1]>>NameShift {
		return chsql.And(chsql.Ge(fp, chsql.Uint(fps[0])), chsql.Le(fp, chsql.Uint(fps[n-1]))), nil
	}
	return listed(), map[string]string{"fingerprints": resourcestore.IDList(fps)}
}

// listed is the condition that a series is in the parameter fingerprints.
func listed() chsql.Expr {
	return chsql.InParam(chsql.Col("fingerprint"), chsql.Param("fingerprints", "Array(UInt64)"))
}

// batches are the range's fingerprints in their order, without repeats.
func (r Range) batches() [][]uint64 {
	fps := slices.Clone(r.Fingerprints)
	slices.Sort(fps)
	var out [][]uint64
	for b := range slices.Chunk(slices.Compact(fps), batch) {
		out = append(out, b)
	}
	return out
}

// Samples are the points of one series in the order of time, one a time; of
// points sent with one time the one stored last. Start is when the interval of
// a point began, 0 when unknown. The slices are the receiver's.
type Samples struct {
	Fingerprint uint64
	Place       int     // among the range's Fingerprints; of those that come in turn only
	Times       []int64 // Unix milliseconds
	Start       []int64
	Values      []float64
}

// Samples reads the samples of a range, series by series in the order of
// fingerprints. Series without samples are left out. An error of each ends the
// read and is returned.
func (s *Store) Samples(ctx context.Context, t tenant.ID, r Range, each func(Samples) error) (conn.Stats, error) {
	limit := conn.LimitOr(r.Limit, DefaultSamples)
	var stats conn.Stats
	read := 0
	for _, fps := range r.batches() {
		c := chunks{from: r.From, to: r.To, each: each}
		var fp uint64
		var ts, start, values string
		q := conn.Query{SQL: sampleSelect(t, listed(), r.From, r.To).SQL(), Params: map[string]string{"fingerprints": resourcestore.IDList(fps)}, Op: "samples"}
		cost, err := s.db.Select(ctx, q, func(rows driver.Rows) error {
			if err := rows.Scan(&fp, &ts, &start, &values); err != nil {
				return fmt.Errorf("samples: %w", err)
			}
			n, err := c.add(fp, ts, start, values)
			if read += n; err == nil && read > limit {
				return conn.Over("samples", "max_samples", limit)
			}
			return err
		})
		stats.Add(cost)
		if err == nil {
			err = c.flush()
		}
		if err != nil {
			return stats, err
		}
	}
	return stats, nil
}

// sampleSelect reads chunks in the order of the table. Arrays are sent as the
// bytes they are made of: the driver would take them apart number by number.
func sampleSelect(t tenant.ID, of chsql.Expr, from, to int64) chsql.Select {
	fp, hour := chsql.Col("fingerprint"), chsql.Col("hour")
	return chsql.Select{
		Columns: []chsql.Expr{fp, raw(chsql.Col("ts")), raw(folded(chsql.Col("start_ts"))), raw(chsql.Col("value"))},
		From:    chsql.Table(samples),
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
			of,
			chsql.Ge(hour, chsql.Seconds(int64(hourOf(from)))),
			chsql.Le(hour, chsql.Seconds(int64(hourOf(to)))),
		},
		OrderBy:  []chsql.Order{chsql.Asc(fp), chsql.Asc(hour)},
		Settings: []chsql.Setting{{Name: "max_block_size", Value: chunksABlock}},
	}
}

// chunksABlock keeps a block of chunks, which are kilobytes each, at a few
// megabytes here and at the server.
const chunksABlock = 128

// folded is an array, or its first element where all are equal. Most series
// start once.
func folded(a chsql.Expr) chsql.Expr {
	same := chsql.Eq(chsql.Func("arrayMin", a), chsql.Func("arrayMax", a))
	return chsql.Func("arraySlice", a, chsql.Int(1), chsql.Func("if", same, chsql.Int(1), chsql.Func("length", a)))
}

// chunks puts the chunks of each series together.
type chunks struct {
	from, to int64
	each     func(Samples) error
	series   Samples
	unsorted bool
}

// add takes one chunk and counts its samples in the range.
func (c *chunks) add(fp uint64, ts, start, values string) (n int, err error) {
	if len(ts) != len(values) || len(ts)%8 != 0 || len(start) != len(ts) && len(start) != 8 {
		return 0, fmt.Errorf("samples: series %d: a chunk of %d, %d and %d bytes", fp, len(ts), len(start), len(values))
	}
	if fp != c.series.Fingerprint {
		if err := c.flush(); err != nil {
			return 0, err
		}
		c.series.Fingerprint = fp
	}
	out := &c.series
	if out.Times == nil {
		size := c.size(len(ts) / 8)
		out.Times, out.Start, out.Values = make([]int64, 0, size), make([]int64, 0, size), make([]float64, 0, size)
	}
	fold := 0 // all bits, or none where start is one for all
	if len(start) == len(ts) {
		fold = -1
	}
	for i := 0; i < len(ts); i += 8 {
		at := int64(word(ts, i))
		if at < c.from || at > c.to {
			continue
		}
		if k := len(out.Times); k > 0 && at <= out.Times[k-1] {
			c.unsorted = true
		}
		out.Times = append(out.Times, at)
		out.Start = append(out.Start, int64(word(start, i&fold)))
		out.Values = append(out.Values, math.Float64frombits(word(values, i)))
		n++
	}
	return n, nil
}

// size is how many samples a series may have whose first chunk has n, within
// reason. Merged chunks last an hour.
func (c *chunks) size(n int) int {
	const most = 1 << 15
	hours := (c.to-c.from)/3_600_000 + 2
	return max(n, int(min(int64(n)*min(hours, most), most)))
}

// flush passes the series on.
func (c *chunks) flush() error {
	done := c.series
	c.series = Samples{}
	if len(done.Times) == 0 {
		return nil
	}
	if c.unsorted {
		done.sort()
		c.unsorted = false
	}
	return c.each(done)
}

// sort orders the samples by time and keeps the last of those with one time.
func (s *Samples) sort() {
	order := make([]int, len(s.Times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Times[a], s.Times[b]) })
	sorted := Samples{Fingerprint: s.Fingerprint, Times: make([]int64, 0, len(order)), Start: make([]int64, 0, len(order)), Values: make([]float64, 0, len(order))}
	for i, k := range order {
		if i+1 < len(order) && s.Times[order[i+1]] == s.Times[k] {
			continue
		}
		sorted.Times = append(sorted.Times, s.Times[k])
		sorted.Start = append(sorted.Start, s.Start[k])
		sorted.Values = append(sorted.Values, s.Values[k])
	}
	*s = sorted
}

// raw is an array column of numbers as the bytes of its elements, each eight,
// little endian.
func raw(column chsql.Expr) chsql.Expr { return chsql.Func("reinterpretAsString", column) }

func word(s string, i int) uint64 { return binary.LittleEndian.Uint64([]byte(s[i : i+8])) }

// Histograms are the histogram points of one series in the order of time, one
// a time. The slices are the receiver's.
type Histograms struct {
	Fingerprint uint64
	Points      []histcol.Point
}

// Histograms reads the histogram points of a range, series by series in the
// order of fingerprints. Series without points are left out. An error of each
// ends the read and is returned.
func (s *Store) Histograms(ctx context.Context, t tenant.ID, r Range, each func(Histograms) error) (conn.Stats, error) {
	limit := conn.LimitOr(r.Limit, DefaultHistograms)
	var stats conn.Stats
	read := 0
	for _, fps := range r.batches() {
		var series Histograms
		flush := func() error {
			done := series
			series = Histograms{}
			if len(done.Points) == 0 {
				return nil
			}
			return each(done)
		}
		q := conn.Query{SQL: histogramSelect(t, r.From, r.To).SQL(), Params: map[string]string{"fingerprints": resourcestore.IDList(fps)}, Op: "histograms"}
		cost, err := s.db.Select(ctx, q, func(rows driver.Rows) error {
			fp, p, err := histcol.Scan(rows)
			if err != nil {
				return fmt.Errorf("histograms: %w", err)
			}
			if read++; read > limit {
				return conn.Over("histograms", "max_histograms", limit)
			}
			if fp != series.Fingerprint {
				if err := flush(); err != nil {
					return err
				}
				series.Fingerprint = fp
			}
			if k := len(series.Points); k > 0 && series.Points[k-1].Time == p.Time {
				series.Points[k-1] = p
			} else {
				series.Points = append(series.Points, p)
			}
			return nil
		})
		stats.Add(cost)
		if err == nil {
			err = flush()
		}
		if err != nil {
			return stats, err
		}
	}
	return stats, nil
}

func histogramSelect(t tenant.ID, from, to int64) chsql.Select {
	fp, at := chsql.Col("fingerprint"), chsql.Col("time")
	return chsql.Select{
		Columns: histcol.Select(),
		From:    chsql.Table(histograms),
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
			listed(),
			chsql.Ge(at, chsql.Milliseconds(from)),
			chsql.Le(at, chsql.Milliseconds(to)),
		},
		OrderBy: []chsql.Order{chsql.Asc(fp), chsql.Asc(at)},
	}
}
