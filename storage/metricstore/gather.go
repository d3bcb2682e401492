package metricstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// streamSelect does not ask for an order: the server would merge the parts of the
// table row by row, which costs it more than the reading.
func streamSelect(t tenant.ID, from, to int64) chsql.Select {
	s := sampleSelect(t, from, to)
	s.Columns = []chsql.Expr{
		chsql.Col("fingerprint"), chsql.Func("toUnixTimestamp", chsql.Col("hour")).As("at"), chsql.Col("ts"), chsql.Col("value"),
	}
	s.OrderBy = nil
	s.Settings = []chsql.Setting{{Name: "max_block_size", Value: streamBlock}}
	return s
}

// streamBlock is how many chunks a block may have: a few megabytes.
const streamBlock = 512

// gathering puts the chunks of some series of a share together.
type gathering struct {
	*share
	fps         []uint64
	fingerprint proto.ColUInt64
	hour        proto.ColUInt32
	ts          chunkColumn[int64]
	value       chunkColumn[float64]
	found       map[uint64]*gathered
}

// gathered is the samples of a series so far.
type gathered struct {
	Samples
	chunks   []int // where each begins
	unsorted bool
}

func (g *gathering) results() proto.Results {
	g.found = make(map[uint64]*gathered, len(g.fps))
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
	first := hourOf(g.From)
	for i, fp := range g.fingerprint {
		at, ok := g.index[fp]
		k := int(g.hour[i]-first) / 3600
		if !ok || k >= g.hours() {
			return fmt.Errorf("samples: hour %d of series %d was not asked for", g.hour[i], fp)
		}
		if g.hoursOf(at)[k].packed() {
			continue
		}
		from, to := g.ts.span(i)
		if a, b := g.value.span(i); b-a != to-from {
			return fmt.Errorf("samples: series %d: a chunk of %d times and %d values", fp, to-from, b-a)
		} else if err := g.chunk(fp, ts[from:to], values[a:b]); err != nil {
			return err
		}
	}
	return nil
}

// chunk appends the samples of one chunk that are in the range.
func (g *gathering) chunk(fp uint64, ts []int64, values []float64) error {
	if len(ts) == 0 {
		return nil
	}
	s := g.found[fp]
	if s == nil {
		s = &gathered{}
		s.Times, s.Values = g.store.room()
		g.found[fp] = s
	}
	k := len(s.Times)
	s.Times, s.Values = append(s.Times, ts...), append(s.Values, values...)
	sorted := true
	for i := 1; i < len(ts); i++ {
		sorted = sorted && ts[i-1] < ts[i]
	}
	if sorted {
		s.within(k, g.From, g.To)
	} else {
		s.unsorted = true
		s.filter(k, g.From, g.To)
	}
	if len(s.Times) > k {
		s.chunks = append(s.chunks, k)
	}
	return g.count(len(s.Times) - k)
}

// flush passes the series on but for those whose chunks overlap: which of two
// samples of one time was stored last is known only to a read in order.
func (g *gathering) flush(ctx context.Context) (again []uint64, err error) {
	overlap := make([]bool, len(g.fps))
	err = among(ctx, len(g.fps), func(i int) error {
		err := g.pass(g.fps[i])
		if errors.Is(err, errOverlap) {
			overlap[i], err = true, nil
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

func (g *gathering) pass(fp uint64) error {
	s := g.found[fp]
	if s == nil {
		return g.series(fp, nil)
	}
	defer g.store.free(s.Samples)
	if s.unsorted {
		g.read.Add(-int64(len(s.Times)))
		return errOverlap
	}
	return g.series(fp, s)
}
