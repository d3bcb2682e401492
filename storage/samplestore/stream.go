package samplestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
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
//	recall: what is in memory, and true of the range's version
//	held:   what samples there are of each other series and hour, and the packs of them
//	whole:  a pack counts as long as it has all of them
//	chunks: the hours without such a pack
func (s *Store) Stream(ctx context.Context, t tenant.ID, r Range, each func(Samples) error) (conn.Stats, error) {
	return s.stream(ctx, t, r, true, each)
}

func (s *Store) stream(ctx context.Context, t tenant.ID, r Range, packs bool, each func(Samples) error) (conn.Stats, error) {
	var (
		limit = int64(conn.LimitOr(r.Limit, DefaultSamples))
		read  atomic.Int64
		total = make(chan conn.Stats, 1)
	)
	if packs && r.InTurn != nil {
		if c := (&share{store: s, tenant: t, Range: r, each: each, read: &read, limit: limit}); c.known() {
			r.InTurn()
			return conn.Stats{}, c.inTurn(ctx)
		}
	}
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
	most := cellsAtOnce / r.hours()
	if !r.Dense { // they are listed
		most = min(most, batch)
	}
	return slices.Collect(slices.Chunk(slices.Compact(fps), max(1, most)))
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
	days   [][]*packcache.Day // of each day, of each series
	fresh  [][]bool           // those that memory does not have; nil of a day it is not to keep
}

func (c *share) run(ctx context.Context, packs bool) error {
	c.recall(packs)
	c.toKeep(packs)
	defer c.keep()
	if err := c.look(ctx, packs); err != nil {
		return err
	}
	var packed, rest []int
	gathered := 0
	for i := range c.Fingerprints {
		any, loose := c.sum(i)
		switch {
		case !any:
			continue
		case loose == 0:
			packed = append(packed, i)
			continue
		}
		if gathered += loose; gathered > samplesAtOnce && len(rest) > 0 {
			if err := c.chunks(ctx, rest, gathered-loose); err != nil {
				return err
			}
			rest, gathered = rest[:0], loose
		}
		rest = append(rest, i)
	}
	if err := among(ctx, len(packed), func(k int) error { return c.series(packed[k], nil, nil) }); err != nil {
		return err
	}
	return c.chunks(ctx, rest, gathered)
}

// sum tells whether series i has samples in the range's hours, and how many there
// are in hours that are loose, at most.
func (c *share) sum(i int) (any bool, loose int) {
	for d, of := range c.days {
		day, hours := of[i], c.hoursOf(d)
		any = any || (day.Packed|day.Loose)&hours != 0
		if day.Loose&hours != 0 {
			loose += int(day.Samples)
		}
	}
	return any, loose
}

// known tells whether memory has packs of all there is of the share.
func (c *share) known() bool {
	const most = 1 << 20 // series times days
	all := c.Fingerprints
	if c.store.packs == nil || len(all) == 0 || len(all)*c.dayCount() > most {
		return false
	}
	for _, some := range [][]uint64{all[:1], all} { // mostly the first one tells
		if c.Fingerprints = some; !c.packed() {
			return false
		}
	}
	return true
}

// packed takes from memory what it has, and tells whether that is packs of all there is.
func (c *share) packed() bool {
	c.recall(true)
	for d, of := range c.days {
		hours := c.hoursOf(d)
		for _, day := range of {
			if day == nil || hours&^day.Looked != 0 || hours&day.Loose != 0 {
				return false
			}
		}
	}
	return true
}

// inTurn passes on series that are known.
func (c *share) inTurn(ctx context.Context) error {
	return among(ctx, len(c.Fingerprints), func(i int) error {
		out, err := c.collect(i, nil, nil)
		defer c.store.free(out)
		if err != nil {
			return err
		}
		out.Place = i
		return c.each(out)
	})
}

// errOverlap says that samples of a series are not in order of time.
var errOverlap = errors.New("samples: chunks overlap")

// series passes on series i: its packs, and of what was gathered the chunks that are in
// none, unless nothing was.
func (c *share) series(i int, g *gathering, more *gathered) error {
	out, err := c.collect(i, g, more)
	defer c.store.free(out)
	if err != nil || len(out.Times) == 0 {
		return err
	}
	return c.each(out)
}

// collect puts the samples of series i together. They are to be freed, whatever the error.
func (c *share) collect(i int, g *gathering, more *gathered) (out Samples, err error) {
	out.Fingerprint = c.Fingerprints[i]
	out.Times, out.Values = c.store.room()
	var room [48]int // mostly enough
	starts := room[:0]
	for d, of := range c.days {
		for h := of[i].Packed & c.hoursOf(d); h != 0; h &= h - 1 {
			k := len(out.Times)
			out.Times, out.Values, err = samplepack.Unpack(of[i].Pack(h.First()), out.Times, out.Values)
			if err != nil {
				return out, fmt.Errorf("samples: series %d: %w", out.Fingerprint, err)
			}
			out.within(k, c.From, c.To)
			if len(out.Times) > k {
				starts = append(starts, k)
			}
		}
	}
	counted := 0
	if more != nil {
		starts = g.append(more, &out, starts)
		counted = more.counted
	}
	if !inOrder(out.Times, starts) {
		sorted, ok := c.store.order(out, starts)
		if !ok {
			c.read.Add(-int64(counted))
			return out, errOverlap
		}
		out, sorted = sorted, out
		c.store.free(sorted)
	}
	if more != nil && len(out.Times) > 0 {
		c.remember(i, &out)
		out.within(0, c.From, c.To)
	}
	return out, c.count(len(out.Times) - counted)
}

// count counts samples that are passed on.
func (c *share) count(n int) error {
	if c.read.Add(int64(n)) > c.limit {
		return conn.Over("samples", "max_samples", int(c.limit))
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
