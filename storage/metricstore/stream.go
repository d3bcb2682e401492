package metricstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplepack"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"golang.org/x/sync/errgroup"
)

// Stream reads times and values of the samples of a range as Samples does, but
// for the start times, which it leaves out, and faster: several series at once,
// and each is called from several goroutines, with slices that are valid only
// until it returns. Series come in any order.
//
// Hours that are packed are read as packs, the rest as chunks:
//
//	held:   what samples there are of each series and hour, and the packs of them
//	whole:  a pack counts as long as it has all of them
//	chunks: the hours without such a pack
func (s *Store) Stream(ctx context.Context, t tenant.ID, r Range, each func(Samples) error) (conn.Stats, error) {
	return s.stream(ctx, t, r, true, each)
}

func (s *Store) stream(ctx context.Context, t tenant.ID, r Range, packs bool, each func(Samples) error) (conn.Stats, error) {
	var (
		limit = int64(bound(r.Limit, DefaultSamples))
		read  atomic.Int64
		total = make(chan conn.Stats, 1)
	)
	total <- conn.Stats{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2) // one is read while the other is unpacked
	for _, fps := range r.shares() {
		g.Go(func() error {
			c := &share{store: s, tenant: t, Range: r, each: each, read: &read, limit: limit}
			c.Fingerprints = fps
			err := c.run(ctx, packs)
			sum := <-total
			sum.Add(c.stats)
			total <- sum
			return err
		})
	}
	err := g.Wait()
	return <-total, err
}

const (
	cellsAtOnce   = 100_000   // series times hours of a share
	samplesAtOnce = 2_000_000 // in chunks
)

// shares are the range's fingerprints split into what is read at once: one after
// another in the order of the table, so that none reads what another has read,
// and of so few hours that all their packs can be held. A statement costs more
// than most reads, so there are no more of them than that takes.
func (r Range) shares() [][]uint64 {
	fps := slices.Clone(r.Fingerprints)
	slices.Sort(fps)
	return slices.Collect(slices.Chunk(slices.Compact(fps), max(1, min(batch, cellsAtOnce/r.hours()))))
}

// among calls f for 0 to n-1 from as many goroutines as there are processors.
func among(ctx context.Context, n int, f func(i int) error) error {
	const run = 16
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), (n+run-1)/run) {
		g.Go(func() error {
			for {
				from := int(next.Add(run)) - run
				if from >= n {
					return nil
				}
				for i := from; i < min(from+run, n); i++ {
					if err := ctx.Err(); err != nil {
						return err
					}
					if err := f(i); err != nil {
						return err
					}
				}
			}
		})
	}
	return g.Wait()
}

// hours is how many hours the range touches.
func (r Range) hours() int {
	return int(max(0, (int64(hourOf(r.To))-int64(hourOf(r.From)))/3600)) + 1
}

// share is some series of a read, and what has been found of them.
type share struct {
	Range
	store  *Store
	tenant tenant.ID
	each   func(Samples) error
	read   *atomic.Int64
	limit  int64
	stats  conn.Stats
	index  map[uint64]int // of a fingerprint
	cells  []cell         // hours() of each series
	packs  packColumn
}

// cell is an hour of a series.
type cell struct {
	held   uint64 // samples in the table of chunks
	stored uint64 // of which the pack was made
	at, n  uint32 // the pack's place among the packs
}

// packed tells whether the pack has all there is of the hour.
func (c *cell) packed() bool { return c.held > 0 && c.held == c.stored }

func (c *share) run(ctx context.Context, packs bool) error {
	c.index = make(map[uint64]int, len(c.Fingerprints))
	for i, fp := range c.Fingerprints {
		c.index[fp] = i
	}
	c.cells = make([]cell, len(c.Fingerprints)*c.hours())
	if b, ok := c.store.buffers.Get().(*[]byte); ok {
		c.packs.buf = (*b)[:0]
	}
	defer func() { c.store.buffers.Put(&c.packs.buf) }()
	if err := c.look(ctx, packs); err != nil {
		return err
	}
	var packed, rest []uint64
	gathered := uint64(0)
	for i, fp := range c.Fingerprints {
		held, missing := c.missing(i)
		switch {
		case held == 0:
			continue
		case missing == 0:
			packed = append(packed, fp)
			continue
		}
		if gathered += missing; gathered > samplesAtOnce && len(rest) > 0 {
			if err := c.chunks(ctx, rest); err != nil {
				return err
			}
			rest, gathered = rest[:0], missing
		}
		rest = append(rest, fp)
	}
	if err := among(ctx, len(packed), func(i int) error { return c.series(packed[i], nil) }); err != nil {
		return err
	}
	return c.chunks(ctx, rest)
}

// missing counts the samples of series i, and those that are in no pack.
func (c *share) missing(i int) (held, missing uint64) {
	for k := range c.hoursOf(i) {
		cell := &c.hoursOf(i)[k]
		held += cell.held
		if !cell.packed() {
			missing += cell.held
		}
	}
	return held, missing
}

func (c *share) hoursOf(i int) []cell { n := c.hours(); return c.cells[i*n : (i+1)*n] }

// look finds out what there is, and brings the packs.
func (c *share) look(ctx context.Context, packs bool) error {
	var (
		fingerprint, stored proto.ColUInt64
		hour                proto.ColUInt32
		first               = hourOf(c.From)
		fp                  uint64
		row                 []cell
	)
	stats, err := c.store.db.Columns(ctx, conn.Query{
		SQL: heldSelect(c.tenant, c.From, c.To, packs).SQL(), Op: "samples",
		Params: map[string]string{"fingerprints": resourcestore.IDList(c.Fingerprints)},
	}, proto.Results{
		{Name: "fingerprint", Data: &fingerprint}, {Name: "at", Data: &hour}, {Name: "stored", Data: &stored}, {Name: "pack", Data: &c.packs},
	}, func() error {
		for i, f := range fingerprint {
			if row == nil || f != fp {
				at, ok := c.index[f]
				if !ok {
					return fmt.Errorf("samples: series %d was not asked for", f)
				}
				fp, row = f, c.hoursOf(at)
			}
			k := (hour[i] - first) / 3600
			if int(k) >= len(row) {
				return fmt.Errorf("samples: series %d: hour %d was not asked for", f, hour[i])
			}
			cell := &row[k]
			switch at, n := c.packs.span(i); {
			case n == 0:
				cell.held += stored[i]
			case stored[i] > cell.stored: // of several packs the newest has most
				cell.stored, cell.at, cell.n = stored[i], at, n
			}
		}
		return nil
	})
	c.stats.Add(stats)
	return err
}

// heldSelect lists how many samples the chunks of each series and hour have, a
// row a chunk, and the packs. A pack is never empty.
func heldSelect(t tenant.ID, from, to int64, packs bool) chsql.Select {
	fp, at := chsql.Col("fingerprint"), chsql.Func("toUnixTimestamp", chsql.Col("hour")).As("at")
	held := sampleSelect(t, from, to)
	held.Columns = []chsql.Expr{fp, at, chsql.Col("ts.size0").As("stored"), chsql.String("").As("pack")}
	held.OrderBy, held.Settings = nil, nil
	if !packs {
		return held
	}
	packed := held
	packed.Columns, packed.From = []chsql.Expr{fp, at, chsql.Col("stored"), chsql.Col("pack")}, chsql.Table(samplePacks)
	return chsql.Select{Columns: []chsql.Expr{fp, chsql.Col("at"), chsql.Col("stored"), chsql.Col("pack")}, From: chsql.Union(held, packed)}
}

// chunks reads what is not packed of series and passes them on.
func (c *share) chunks(ctx context.Context, fps []uint64) error {
	if len(fps) == 0 {
		return nil
	}
	from, to := c.To, c.From
	for _, fp := range fps {
		for k, cell := range c.hoursOf(c.index[fp]) {
			if cell.held > 0 && !cell.packed() {
				begin := (int64(hourOf(c.From)) + int64(k)*3600) * 1000
				from, to = min(from, max(begin, c.From)), max(to, min(begin+3_600_000-1, c.To))
			}
		}
	}
	g := gathering{share: c, fps: fps}
	stats, err := c.store.db.Columns(ctx, conn.Query{
		SQL: streamSelect(c.tenant, from, to).SQL(), Op: "samples", Params: map[string]string{"fingerprints": resourcestore.IDList(fps)},
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

// errOverlap says that samples of a series are not in order of time.
var errOverlap = errors.New("samples: chunks overlap")

// series passes on a series: its packs, and more, the chunks that are in none.
func (c *share) series(fp uint64, more *gathered) (err error) {
	var out Samples
	out.Fingerprint = fp
	out.Times, out.Values = c.store.room()
	defer func() { c.store.free(out) }()
	var starts []int
	for _, cell := range c.hoursOf(c.index[fp]) {
		if !cell.packed() {
			continue
		}
		k := len(out.Times)
		out.Times, out.Values, err = samplepack.Unpack(c.packs.buf[cell.at:][:cell.n], out.Times, out.Values)
		if err != nil {
			return fmt.Errorf("samples: series %d: %w", fp, err)
		}
		out.within(k, c.From, c.To)
		if len(out.Times) > k {
			starts = append(starts, k)
		}
	}
	if err := c.count(len(out.Times)); err != nil {
		return err
	}
	if more != nil && len(more.Times) > 0 {
		for _, k := range more.chunks {
			starts = append(starts, len(out.Times)+k)
		}
		out.Times, out.Values = append(out.Times, more.Times...), append(out.Values, more.Values...)
	}
	if len(out.Times) == 0 {
		return nil
	}
	if !inOrder(out.Times, starts) {
		sorted, ok := c.store.order(out, starts)
		if !ok {
			c.read.Add(-int64(len(out.Times)))
			return errOverlap
		}
		out, sorted = sorted, out
		c.store.free(sorted)
	}
	return c.each(out)
}

// count counts samples that are passed on.
func (c *share) count(n int) error {
	if c.read.Add(int64(n)) > c.limit {
		return over("samples", "max_samples", int(c.limit))
	}
	return nil
}

// within leaves out the samples from k on, which are in order, that are not in
// [from,to].
func (s *Samples) within(k int, from, to int64) {
	if n := len(s.Times); n > k && (s.Times[k] < from || s.Times[n-1] > to) {
		s.filter(k, from, to)
	}
}

// filter leaves out the samples from k on that are not in [from,to].
func (s *Samples) filter(k int, from, to int64) {
	at := k
	for i, t := range s.Times[k:] {
		if t >= from && t <= to {
			s.Times[at], s.Values[at] = t, s.Values[k+i]
			at++
		}
	}
	s.Times, s.Values = s.Times[:at], s.Values[:at]
}

// inOrder tells whether chunks, each in order, follow each other.
func inOrder(times []int64, starts []int) bool {
	for _, k := range starts {
		if k > 0 && times[k-1] >= times[k] {
			return false
		}
	}
	return true
}

// order puts chunks, each of which is in order, in the order of time; not ok
// means that they overlap.
func (s *Store) order(in Samples, starts []int) (out Samples, ok bool) {
	bounds := append(slices.Clone(starts), len(in.Times))
	order := make([]int, len(starts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(in.Times[bounds[a]], in.Times[bounds[b]]) })
	out.Fingerprint = in.Fingerprint
	out.Times, out.Values = s.room()
	for _, k := range order {
		if n := len(out.Times); n > 0 && out.Times[n-1] >= in.Times[bounds[k]] {
			s.free(out)
			return Samples{}, false
		}
		out.Times = append(out.Times, in.Times[bounds[k]:bounds[k+1]]...)
		out.Values = append(out.Values, in.Values[bounds[k]:bounds[k+1]]...)
	}
	return out, true
}

// room is memory for the samples of a series, which fresh would cost more than
// filling it.
func (s *Store) room() ([]int64, []float64) {
	if s, ok := s.spare.Get().(*Samples); ok {
		return s.Times[:0], s.Values[:0]
	}
	return []int64{}, []float64{}
}

func (s *Store) free(m Samples) { s.spare.Put(&m) }
