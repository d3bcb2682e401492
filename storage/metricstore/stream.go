package metricstore

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

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
			c := stream{from: r.From, to: r.To, each: each, read: &read, limit: limit}
			stats, err := s.db.Columns(ctx, conn.Query{
				SQL: streamSelect(t, r.From, r.To).SQL(), Op: "samples",
				Params: map[string]string{"fingerprints": resourcestore.IDList(fps)},
			}, c.results(), c.block)
			if err == nil {
				err = c.flush()
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

// shares are the range's fingerprints split among workers, in batches of a size
// that a statement may have.
func (r Range) shares(workers int) [][]uint64 {
	fps := slices.Clone(r.Fingerprints)
	slices.Sort(fps)
	fps = slices.Compact(fps)
	const few = 200 // not worth a statement of their own
	size := min(batch, max(few, (len(fps)+workers-1)/workers))
	return slices.Collect(slices.Chunk(fps, size))
}

func streamSelect(t tenant.ID, from, to int64) chsql.Select {
	s := sampleSelect(t, from, to)
	s.Columns = []chsql.Expr{chsql.Col("fingerprint"), raw(chsql.Col("ts")).As("times"), raw(chsql.Col("value")).As("numbers")}
	s.Settings = []chsql.Setting{{Name: "max_block_size", Value: streamBlock}}
	return s
}

// streamBlock is how many chunks a block may have: a few megabytes.
const streamBlock = 512

// stream puts chunks together to series.
type stream struct {
	fingerprint proto.ColUInt64
	ts, value   proto.ColStr

	from, to int64
	each     func(Samples) error
	read     *atomic.Int64
	limit    int64
	series   Samples
	unsorted bool
}

func (c *stream) results() proto.Results {
	return proto.Results{{Name: "fingerprint", Data: &c.fingerprint}, {Name: "times", Data: &c.ts}, {Name: "numbers", Data: &c.value}}
}

// block takes the chunks of one block.
func (c *stream) block() error {
	for i, fp := range c.fingerprint {
		if fp != c.series.Fingerprint {
			if err := c.flush(); err != nil {
				return err
			}
			c.series.Fingerprint = fp
		}
		if err := c.chunk(c.ts.RowBytes(i), c.value.RowBytes(i)); err != nil {
			return err
		}
	}
	return nil
}

// chunk appends the samples of one chunk that are in the range.
func (c *stream) chunk(ts, values []byte) error {
	n := len(ts) / 8
	if len(ts) != len(values) || len(ts)%8 != 0 {
		return fmt.Errorf("samples: series %d: a chunk of %d and %d bytes", c.series.Fingerprint, len(ts), len(values))
	}
	if n == 0 {
		return nil
	}
	s := &c.series
	k := len(s.Times)
	s.Times, s.Values = slices.Grow(s.Times, n)[:k+n], slices.Grow(s.Values, n)[:k+n]
	copy(bytesOf(s.Times[k:]), ts)
	copy(bytesOf(s.Values[k:]), values)
	times := s.Times[k:]
	inside := times[0] >= c.from && times[n-1] <= c.to
	sorted := k == 0 || s.Times[k-1] < times[0]
	for i := 1; i < n; i++ {
		sorted = sorted && times[i-1] < times[i]
	}
	if !inside || !sorted {
		at := k
		for i := range times {
			if t := times[i]; t >= c.from && t <= c.to {
				s.Times[at], s.Values[at] = t, s.Values[k+i]
				at++
			}
		}
		s.Times, s.Values = s.Times[:at], s.Values[:at]
	}
	c.unsorted = c.unsorted || !sorted
	if c.read.Add(int64(len(s.Times)-k)) > c.limit {
		return over("samples", "max_samples", int(c.limit))
	}
	return nil
}

// bytesOf is the memory of numbers, which in a chunk are as this machine has
// them: little endian.
func bytesOf[T int64 | float64](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*8)
}

// flush passes the series on and keeps its memory.
func (c *stream) flush() error {
	s := c.series
	if len(s.Times) > 0 {
		if c.unsorted {
			s.arrange()
		}
		if err := c.each(s); err != nil {
			return err
		}
	}
	c.series.Times, c.series.Values, c.unsorted = c.series.Times[:0], c.series.Values[:0], false
	return nil
}

// arrange orders the samples by time and keeps the last of those with one time.
func (s *Samples) arrange() {
	order := make([]int, len(s.Times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Times[a], s.Times[b]) })
	times, values := make([]int64, 0, len(order)), make([]float64, 0, len(order))
	for i, k := range order {
		if i+1 < len(order) && s.Times[order[i+1]] == s.Times[k] {
			continue
		}
		times, values = append(times, s.Times[k]), append(values, s.Values[k])
	}
	s.Times, s.Values = times, values
}
