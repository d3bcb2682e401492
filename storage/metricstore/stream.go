package metricstore

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"golang.org/x/sync/errgroup"
)

// Stream reads times and values of the samples of a range as Samples does, but
// for the start times, which it leaves out, and faster: several series at once,
// and each is called from several goroutines, with slices that are valid only
// until it returns. Series come in any order.
func (s *Store) Stream(ctx context.Context, t tenant.ID, r Range, each func(Samples) error) (conn.Stats, error) {
	limit := int64(bound(r.Limit, DefaultSamples))
	var (
		read  atomic.Int64
		total = make(chan conn.Stats, 1)
	)
	total <- conn.Stats{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, fps := range r.shares(runtime.GOMAXPROCS(0)) {
		g.Go(func() error {
			c := stream{from: r.From, to: r.To, each: each, read: &read, limit: limit, spare: &s.spare}
			stats, err := s.db.Columns(ctx, conn.Query{
				SQL: streamSelect(t, r.From, r.To).SQL(), Op: "samples",
				Params: map[string]string{"fingerprints": resourcestore.IDList(fps)},
			}, c.results(fps), c.block)
			var again []uint64
			if err == nil {
				again, err = c.flush()
			}
			if err == nil && len(again) > 0 {
				var more conn.Stats
				more, err = s.Samples(ctx, t, Range{Fingerprints: again, From: r.From, To: r.To, Limit: r.Limit}, each)
				stats.Add(more)
			}
			sum := <-total
			sum.Add(stats)
			total <- sum
			return err
		})
	}
	err := g.Wait()
	return <-total, err
}

// shares are the range's fingerprints split into statements: one after another
// in the order of the table, so that none reads what another has read, and small
// enough that the samples of one are held at once.
func (r Range) shares(workers int) [][]uint64 {
	fps := slices.Clone(r.Fingerprints)
	slices.Sort(fps)
	fps = slices.Compact(fps)
	const (
		few    = 200       // series not worth a statement of their own
		dense  = 240       // samples an hour
		atOnce = 2_000_000 // samples
	)
	hours := (r.To-r.From)/3_600_000 + 1
	most := min(batch, int(max(1, atOnce/(dense*hours))))
	size := max(1, min(most, max(few, (len(fps)+workers-1)/workers)))
	return slices.Collect(slices.Chunk(fps, size))
}

// streamSelect does not ask for an order: the server would merge the parts of the
// table row by row, which costs it more than the reading.
func streamSelect(t tenant.ID, from, to int64) chsql.Select {
	s := sampleSelect(t, from, to)
	s.Columns = []chsql.Expr{chsql.Col("fingerprint"), chsql.Col("ts"), chsql.Col("value")}
	s.OrderBy = nil
	s.Settings = []chsql.Setting{{Name: "max_block_size", Value: streamBlock}}
	return s
}

// streamBlock is how many chunks a block may have: a few megabytes.
const streamBlock = 512

// stream puts the chunks of one statement together to series.
type stream struct {
	fingerprint proto.ColUInt64
	ts          chunkColumn[int64]
	value       chunkColumn[float64]

	from, to int64
	each     func(Samples) error
	read     *atomic.Int64
	limit    int64
	spare    *sync.Pool // *Samples whose memory is free
	index    map[uint64]int
	all      []gathered
}

// gathered is the samples of a series so far.
type gathered struct {
	Samples
	chunks   []int // where each begins
	unsorted bool
}

func (c *stream) results(fps []uint64) proto.Results {
	c.index, c.all = make(map[uint64]int, len(fps)), make([]gathered, len(fps))
	for i, fp := range fps {
		c.index[fp], c.all[i].Fingerprint = i, fp
	}
	c.ts = chunkColumn[int64]{proto.NewArrInt64(), chunkInts}
	c.value = chunkColumn[float64]{proto.NewArrFloat64(), chunkFloats}
	return proto.Results{{Name: "fingerprint", Data: &c.fingerprint}, {Name: "ts", Data: c.ts}, {Name: "value", Data: c.value}}
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
func (c *stream) block() error {
	ts, values := *c.ts.Data.(*proto.ColInt64), *c.value.Data.(*proto.ColFloat64)
	for i, fp := range c.fingerprint {
		at, ok := c.index[fp]
		if !ok {
			return fmt.Errorf("samples: series %d was not asked for", fp)
		}
		from, to := c.ts.span(i)
		if a, b := c.value.span(i); b-a != to-from {
			return fmt.Errorf("samples: series %d: a chunk of %d times and %d values", fp, to-from, b-a)
		} else if err := c.chunk(&c.all[at], ts[from:to], values[a:b]); err != nil {
			return err
		}
	}
	return nil
}

// chunk appends the samples of one chunk that are in the range.
func (c *stream) chunk(s *gathered, ts []int64, values []float64) error {
	n := len(ts)
	if n == 0 {
		return nil
	}
	k := len(s.Times)
	if s.Times == nil {
		s.Times, s.Values = c.room()
	}
	s.Times, s.Values = append(s.Times, ts...), append(s.Values, values...)
	times := s.Times[k:]
	sorted := true
	for i := 1; i < n; i++ {
		sorted = sorted && times[i-1] < times[i]
	}
	if !sorted || times[0] < c.from || times[n-1] > c.to {
		at := k
		for i := range times {
			if t := times[i]; t >= c.from && t <= c.to {
				s.Times[at], s.Values[at] = t, s.Values[k+i]
				at++
			}
		}
		s.Times, s.Values = s.Times[:at], s.Values[:at]
	}
	if len(s.Times) > k {
		s.chunks = append(s.chunks, k)
	}
	s.unsorted = s.unsorted || !sorted
	if c.read.Add(int64(len(s.Times)-k)) > c.limit {
		return over("samples", "max_samples", int(c.limit))
	}
	return nil
}

// flush passes the series on but for those whose chunks overlap: which of two
// samples of one time was stored last is known only to a read in order.
func (c *stream) flush() (again []uint64, err error) {
	for i := range c.all {
		s := &c.all[i]
		switch {
		case len(s.Times) == 0:
		case c.order(s):
			if err := c.each(s.Samples); err != nil {
				return nil, err
			}
			c.free(s.Samples)
		default:
			c.read.Add(-int64(len(s.Times)))
			again = append(again, s.Fingerprint)
		}
		*s = gathered{}
	}
	return again, nil
}

// order puts the chunks, which come part by part of the table, in the order of
// time; not ok means that they overlap.
func (c *stream) order(s *gathered) (ok bool) {
	if s.unsorted {
		return false
	}
	bounds := append(s.chunks, len(s.Times))
	inOrder := true
	for i := 1; i < len(s.chunks) && inOrder; i++ {
		inOrder = s.Times[s.chunks[i]-1] < s.Times[s.chunks[i]]
	}
	if inOrder {
		return true
	}
	order := make([]int, len(s.chunks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.Times[bounds[a]], s.Times[bounds[b]]) })
	times, values := c.room()
	for _, k := range order {
		if n := len(times); n > 0 && times[n-1] >= s.Times[bounds[k]] {
			return false
		}
		times = append(times, s.Times[bounds[k]:bounds[k+1]]...)
		values = append(values, s.Values[bounds[k]:bounds[k+1]]...)
	}
	c.free(s.Samples)
	s.Times, s.Values = times, values
	return true
}

// room is memory for the samples of a series, which fresh would cost more than
// filling it.
func (c *stream) room() ([]int64, []float64) {
	if s, ok := c.spare.Get().(*Samples); ok {
		return s.Times[:0], s.Values[:0]
	}
	return []int64{}, []float64{}
}

func (c *stream) free(s Samples) { c.spare.Put(&s) }
