package rollupstore

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Want is what a query needs of samples.
type Want struct {
	Aspect samplerollup.Aspect
	Length int64 // of buckets, ms
	Whole  bool  // sums must be exact in any order
	// Tail is how many times of the last samples, of those that are not NaN; with StaleTail stale markers are among them.
	Tail      int
	StaleTail bool
}

// Reading is told what a read finds. Entries and Samples are called from several goroutines, with slices that are valid
// only until they return.
type Reading struct {
	Entries func(fingerprint uint64, e *samplerollup.Entries) error
	// Samples is told of a series whose samples are needed.
	Samples func(samplestore.Samples) error
	// Thinned is told how many samples were read to be thinned.
	Thinned func(samples int) error
}

// Read reads what a query needs of the series of a range, in any order: the entries in [From,To] or, where an aspect is
// unfit, the samples. From and To are to be what a query of the samples would have: with windows of whole buckets no bucket
// is cut in two.
func (s *Store) Read(ctx context.Context, t tenant.ID, r samplestore.Range, want Want, to Reading) (conn.Stats, error) {
	const cells = 100_000 // series times days at once
	fps := slices.Clone(r.Fingerprints)
	slices.Sort(fps)
	first, last := r.From/dayMillis, r.To/dayMillis
	var stats conn.Stats
	for part := range slices.Chunk(slices.Compact(fps), max(1, cells/int(last-first+1))) {
		sh := &share{store: s, tenant: t, r: r, want: want, to: to, first: uint32(first), days: int(last-first) + 1}
		sh.r.Fingerprints = part
		err := sh.run(ctx)
		stats.Add(sh.stats)
		if err != nil {
			return stats, err
		}
	}
	return stats, nil
}

// share is some series of a read.
type share struct {
	store  *Store
	tenant tenant.ID
	r      samplestore.Range
	want   Want
	to     Reading
	first  uint32 // day since 1970
	days   int
	stats  conn.Stats
	known  [][]*packcache.Day // of each day, of each series; its pack of hour 0 is the body
	joins  []uint64           // of each day, the version of a join that may begin with it; 0 if none may
	joined atomic.Bool        // there are new ones
	unfit  []bool             // series whose samples are needed
	tails  [][]int64          // of series
}

func (s *share) run(ctx context.Context) error {
	s.recall()
	if err := s.look(ctx); err != nil {
		return err
	}
	s.judge()
	if err := s.fill(ctx); err != nil {
		return err
	}
	if err := s.readTails(ctx); err != nil {
		return err
	}
	if err := s.deliver(ctx); err != nil {
		return err
	}
	s.keepJoins()
	rest := s.r
	rest.Fingerprints = nil
	for i, fp := range s.r.Fingerprints {
		if s.unfit[i] {
			rest.Fingerprints = append(rest.Fingerprints, fp)
		}
	}
	if len(rest.Fingerprints) == 0 {
		return nil
	}
	stats, err := s.store.samples.Stream(ctx, s.tenant, rest, s.to.Samples)
	s.stats.Add(stats)
	return err
}

// judge finds the series whose samples are to be read: those with a day that the aspect is unfit for, and those of which
// most days would have to be thinned, which costs more.
func (s *share) judge() {
	s.unfit = make([]bool, len(s.r.Fingerprints))
	lacking := make([]int, len(s.r.Fingerprints))
	for _, of := range s.known {
		for i, d := range of {
			if lacks(d) {
				lacking[i]++
			} else if !s.fits(d) {
				s.unfit[i] = true
			}
		}
	}
	for i, n := range lacking {
		s.unfit[i] = s.unfit[i] || 2*n > s.days
	}
}

// lacks tells whether a day has samples of which there is no rollup, as far as is known.
func lacks(d *packcache.Day) bool { return d == nil || d.Loose != 0 }

func body(d *packcache.Day) []byte {
	if d == nil || d.Packed == 0 {
		return nil
	}
	return d.Pack(0)
}

func (s *share) fits(d *packcache.Day) bool {
	fit, whole := samplerollup.Fit(body(d))
	return fit && (whole || !s.want.Whole)
}

// place is where the memory of packs, which knows days by a number of 16 bits, has the share's kind of rollup.
func (s *share) place(d int) uint32 {
	kind := 1 + 2*uint32(s.want.Aspect)
	if s.want.Length == samplerollup.Hour {
		kind++
	}
	return s.first + uint32(d) | kind<<16
}

// recall takes from memory what is true of the days' versions: joins, and days that are in none.
func (s *share) recall() {
	s.known = make([][]*packcache.Day, s.days)
	for d := range s.known {
		s.known[d] = make([]*packcache.Day, len(s.r.Fingerprints))
	}
	s.recallJoins()
	found := make([]*packcache.Day, len(s.r.Fingerprints))
	for d, of := range s.known {
		if version := s.r.As.Rollups(s.first + uint32(d)); version != 0 && slices.Contains(of, nil) {
			s.get(s.place(d), version, found)
			for i := range of {
				if of[i] == nil {
					of[i] = found[i]
				}
			}
		}
	}
}

// get fills found with what memory has of a place, if it is of a version.
func (s *share) get(place uint32, version uint64, found []*packcache.Day) {
	s.store.samples.Packs().Get(s.tenant, place, s.r.Fingerprints, found)
	for i := range found {
		if found[i] != nil && found[i].Version != version {
			found[i] = nil
		}
	}
}

// dayOf is a day as memory has it, from its body.
func (s *share) dayOf(d int, body []byte) *packcache.Day {
	m := packcache.More{Looked: 1}
	m.Packs[0] = body
	return (*packcache.Day)(nil).With(s.r.As.Rollups(s.first+uint32(d)), &m)
}

// keep remembers a day of some series; those that are nil are left out.
func (s *share) keep(d int, series []uint64, of []*packcache.Day) {
	if s.r.As.Rollups(s.first+uint32(d)) != 0 {
		s.store.samples.Packs().Put(s.tenant, s.place(d), series, of)
	}
}

// fill thins the samples of days that no rollup is known of, those that follow each other at once. It reads whole days,
// which can be remembered.
func (s *share) fill(ctx context.Context) error {
	for d := 0; d < s.days; d++ {
		from := d
		lacking := make([]bool, len(s.r.Fingerprints))
		for ; d < s.days && s.lacking(d, lacking); d++ {
		}
		if d == from {
			continue
		}
		r := s.r
		r.Fingerprints = nil
		for i, fp := range s.r.Fingerprints {
			if lacking[i] {
				r.Fingerprints = append(r.Fingerprints, fp)
			}
		}
		r.From, r.To = s.begin(from), s.begin(d)-1
		stats, err := s.store.samples.Stream(ctx, s.tenant, r, func(samples samplestore.Samples) error {
			if err := s.to.Thinned(len(samples.Times)); err != nil {
				return err
			}
			s.thin(from, d, samples)
			return nil
		})
		s.stats.Add(stats)
		if err != nil {
			return err
		}
	}
	return nil
}

// lacking tells whether there are series of which nothing is known of day d, and marks them.
func (s *share) lacking(d int, lacking []bool) (any bool) {
	for i, known := range s.known[d] {
		if lacks(known) && !s.unfit[i] {
			lacking[i], any = true, true
		}
	}
	return any
}

// begin is when day d begins.
func (s *share) begin(d int) int64 { return (int64(s.first) + int64(d)) * dayMillis }

// thin makes rollups of a series' samples of the days from a to before b.
func (s *share) thin(a, b int, samples samplestore.Samples) {
	i, _ := slices.BinarySearch(s.r.Fingerprints, samples.Fingerprint)
	w := s.store.bench()
	defer s.store.benches.Put(w)
	for d := a; d < b; d++ {
		if !lacks(s.known[d][i]) {
			continue
		}
		from, _ := slices.BinarySearch(samples.Times, s.begin(d))
		to, _ := slices.BinarySearch(samples.Times, s.begin(d+1))
		if from == to {
			continue
		}
		w.entries.Thin(s.want.Aspect, s.want.Length, samples.Times[from:to], samples.Values[from:to])
		w.body = w.packer.Append(w.body[:0], s.want.Aspect, &w.entries)
		s.known[d][i] = s.dayOf(d, w.body)
		s.keep(d, s.r.Fingerprints[i:i+1], s.known[d][i:i+1])
		s.unfit[i] = s.unfit[i] || !s.fits(s.known[d][i])
	}
}

// deliver passes on the series that are fit.
func (s *share) deliver(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), (len(s.r.Fingerprints)+15)/16)
	for k := range workers {
		g.Go(func() error {
			w := s.store.bench()
			defer s.store.benches.Put(w)
			for i := k; i < len(s.r.Fingerprints); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := s.series(i, &w.entries); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (s *share) series(i int, e *samplerollup.Entries) error {
	if s.unfit[i] {
		return nil
	}
	e.Reset()
	for d := range s.known {
		if s.joins[d] != 0 {
			if err := s.join(d, i); err != nil {
				return err
			}
		}
		if err := e.Unpack(s.want.Aspect, body(s.known[d][i])); err != nil {
			return err
		}
	}
	within := e.Within(s.r.From, s.r.To)
	if s.tails != nil {
		within.Tail = s.tails[i]
	}
	if len(within.Times) == 0 {
		s.unfit[i] = within.Tail != nil // its samples are all in a bucket that the range cuts in two
		return nil
	}
	return s.to.Entries(s.r.Fingerprints[i], &within)
}
