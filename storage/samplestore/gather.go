package samplestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// streamSelect does not ask for an order: the server would merge the parts of the
// table row by row, which costs it more than the reading.
func streamSelect(t tenant.ID, of chsql.Expr, from, to int64) chsql.Select {
	s := sampleSelect(t, of, from, to)
	s.Columns = []chsql.Expr{
		chsql.Col("fingerprint"), chsql.Func("toUnixTimestamp", chsql.Col("hour")).As("at"), chsql.Col("ts"), chsql.Col("value"),
	}
	s.OrderBy = nil
	s.Settings = []chsql.Setting{{Name: "max_block_size", Value: streamBlock}}
	return s
}

// streamBlock is how many chunks a block may have: a few megabytes.
const streamBlock = 512

// chunks reads what is not packed of series, which are indexes, and passes them on.
// Samples are how many are expected at most.
func (c *share) chunks(ctx context.Context, series []int, samples int) error {
	if len(series) == 0 {
		return nil
	}
	fps := make([]uint64, len(series))
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for k, i := range series {
		fps[k] = c.Fingerprints[i]
		for d, of := range c.days {
			if loose := of[i].Loose & c.hoursOf(d); loose != 0 {
				begin := int64(c.firstDay()+uint32(d)) * daySeconds * 1000
				from = min(from, begin+int64(loose.First())*hourMillis)
				to = max(to, begin+int64(loose.Last())*hourMillis)
			}
		}
	}
	g := gathering{share: c, series: series, fps: fps, found: make([]gathered, len(series))}
	g.times, g.values = make([]int64, 0, samples), make([]float64, 0, samples)
	of, params := c.of(fps)
	stats, err := c.store.db.Columns(ctx, conn.Query{
		SQL: streamSelect(c.tenant, of, from, to).SQL(), Op: "samples", Params: params,
	}, g.results(), g.block)
	c.stats.Add(stats)
	var again []uint64
	if err == nil {
		again, err = g.flush(ctx)
	}
	if err == nil && len(again) > 0 {
		r := c.Range
		r.Fingerprints = again
		stats, err = c.store.Samples(ctx, c.tenant, r, c.each)
		c.stats.Add(stats)
	}
	return err
}

// gathering puts the chunks of some series of a share together.
type gathering struct {
	*share
	series      []int    // indexes
	fps         []uint64 // of these, in order
	fingerprint proto.ColUInt64
	hour        proto.ColUInt32
	ts          chunkColumn[int64]
	value       chunkColumn[float64]

	times  []int64 // of all chunks, as they came
	values []float64
	chunks []chunk
	found  []gathered // of each series
}

// chunk is where its samples are.
type chunk struct {
	from, to int
	next     int // of the series, counted from 1; 0 for none
}

// gathered is the chunks of a series so far.
type gathered struct {
	first, last int // chunks, counted from 1
	counted     int // samples in the range
	unsorted    bool
}

func (g *gathering) results() proto.Results {
	g.ts = chunkColumn[int64]{proto.NewArrInt64(), chunkInts}
	g.value = chunkColumn[float64]{proto.NewArrFloat64(), chunkFloats}
	return proto.Results{{Name: "fingerprint", Data: &g.fingerprint}, {Name: "at", Data: &g.hour}, {Name: "ts", Data: g.ts}, {Name: "value", Data: g.value}}
}

// chunkColumn is a column of chunks under the type the table has for it.
type chunkColumn[T any] struct {
	*proto.ColArr[T]
	typ proto.ColumnType
}

// Type is the table's.
func (c chunkColumn[T]) Type() proto.ColumnType { return c.typ }

// span is where the numbers of row i are among those of the block.
func (c chunkColumn[T]) span(i int) (from, to int) {
	if i > 0 {
		from = int(c.Offsets[i-1])
	}
	return from, int(c.Offsets[i])
}

// block takes the chunks of one block.
func (g *gathering) block() error {
	ts, values := *g.ts.Data.(*proto.ColInt64), *g.value.Data.(*proto.ColFloat64)
	for i, fp := range g.fingerprint {
		at, ok := slices.BinarySearch(g.fps, fp)
		if !ok && g.Dense {
			continue
		}
		d := int(g.hour[i]/daySeconds) - int(g.firstDay())
		if !ok || d < 0 || d >= len(g.days) {
			return fmt.Errorf("samples: hour %d of series %d was not asked for", g.hour[i], fp)
		}
		if g.days[d][g.series[at]].Packed.Has(int(g.hour[i] % daySeconds / 3600)) {
			continue
		}
		from, to := g.ts.span(i)
		if a, b := g.value.span(i); b-a != to-from {
			return fmt.Errorf("samples: series %d: a chunk of %d times and %d values", fp, to-from, b-a)
		} else if err := g.chunk(&g.found[at], ts[from:to], values[a:b]); err != nil {
			return err
		}
	}
	return nil
}

// chunk appends the samples of one chunk of a series.
func (g *gathering) chunk(s *gathered, ts []int64, values []float64) error {
	if len(ts) == 0 {
		return nil
	}
	from := len(g.times)
	g.times, g.values = append(g.times, ts...), append(g.values, values...)
	g.chunks = append(g.chunks, chunk{from: from, to: len(g.times)})
	if s.last > 0 {
		g.chunks[s.last-1].next = len(g.chunks)
	} else {
		s.first = len(g.chunks)
	}
	s.last = len(g.chunks)
	sorted := true
	for i := 1; i < len(ts); i++ {
		sorted = sorted && ts[i-1] < ts[i]
	}
	s.unsorted = s.unsorted || !sorted
	in := len(ts)
	if !sorted || ts[0] < g.From || ts[len(ts)-1] > g.To {
		in = 0
		for _, t := range ts {
			if t >= g.From && t <= g.To {
				in++
			}
		}
	}
	s.counted += in
	return g.count(in)
}

// flush passes the series on but for those whose chunks overlap: which of two
// samples of one time was stored last is known only to a read in order.
func (g *gathering) flush(ctx context.Context) (again []uint64, err error) {
	overlap := make([]bool, len(g.series))
	err = among(ctx, len(g.series), func(k int) error {
		err := g.pass(k)
		if errors.Is(err, errOverlap) {
			overlap[k], err = true, nil
		}
		return err
	})
	for i, fp := range g.fps {
		if overlap[i] {
			again = append(again, fp)
		}
	}
	return again, err
}

func (g *gathering) pass(k int) error {
	s := &g.found[k]
	if s.unsorted {
		g.read.Add(-int64(s.counted))
		return errOverlap
	}
	return g.share.series(g.series[k], g, s)
}

// append appends the chunks of a series, and where each begins.
func (g *gathering) append(s *gathered, out *Samples, starts []int) []int {
	for at := s.first; at > 0; at = g.chunks[at-1].next {
		c := &g.chunks[at-1]
		starts = append(starts, len(out.Times))
		out.Times, out.Values = append(out.Times, g.times[c.from:c.to]...), append(out.Values, g.values[c.from:c.to]...)
	}
	return starts
}
