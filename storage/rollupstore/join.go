package rollupstore

import (
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// A join is the rollups of some days that follow each other in one body, in memory alone: to find and unpack a day that has
// fifty entries takes longer than the entries. The first of the days stands for all, the others are empty.
//
//	days     d    d+1   d+2   d+3
//	before  body  body  body  body
//	after   join   ·     ·     ·

// joinDays is how many days are joined. A join begins at a multiple of it, so that ranges share them.
const joinDays = 4

// inJoin is a day whose entries are those of a day before it.
var inJoin = (*packcache.Day)(nil).With(0, &packcache.More{Looked: 1})

// recallJoins takes joins from memory. The last day of the range, which may still get samples, is never in one.
func (s *share) recallJoins() {
	s.joins = make([]uint64, s.days)
	for d := range s.joins {
		version := s.joinVersion(d)
		if version == 0 {
			continue
		}
		s.joins[d] = version
		of := s.known[d]
		s.get(s.joinPlace(d), version, of)
		for k := 1; k < joinDays; k++ {
			for i := range of {
				if of[i] != nil {
					s.known[d+k][i] = inJoin
				}
			}
		}
	}
}

// joinVersion is the version of the days that a join would be of from day d on; 0 if there can be none.
func (s *share) joinVersion(d int) (sum uint64) {
	if (s.first+uint32(d))%joinDays != 0 || d+joinDays >= s.days {
		return 0
	}
	for k := range uint32(joinDays) {
		version := s.r.As.Rollups(s.first + uint32(d) + k)
		if version == 0 {
			return 0
		}
		sum = attribute.Mix(sum, version)
	}
	return sum
}

// joinPlace is where memory has joins; their kinds are those behind the days'.
func (s *share) joinPlace(d int) uint32 { return s.place(d) + 2*uint32(samplerollup.Aspects)<<16 }

// join joins days of a series, unless they are.
func (s *share) join(d, i int) error {
	if s.known[d+1][i] == inJoin {
		return nil
	}
	w := s.store.bench()
	defer s.store.benches.Put(w)
	w.entries.Reset()
	for k := range joinDays {
		if err := w.entries.Unpack(s.want.Aspect, body(s.known[d+k][i])); err != nil {
			return err
		}
	}
	w.body = w.packer.Append(w.body[:0], s.want.Aspect, &w.entries)
	m := packcache.More{Looked: 1}
	m.Packs[0] = w.body
	s.known[d][i] = (*packcache.Day)(nil).With(s.joins[d], &m)
	for k := 1; k < joinDays; k++ {
		s.known[d+k][i] = inJoin
	}
	s.joined.Store(true)
	return nil
}

// keepJoins remembers joins, if there are new ones.
func (s *share) keepJoins() {
	if !s.joined.Load() {
		return
	}
	for d, version := range s.joins {
		if version == 0 {
			continue
		}
		of := make([]*packcache.Day, len(s.r.Fingerprints))
		for i, day := range s.known[d] {
			if s.known[d+1][i] == inJoin {
				of[i] = day
			}
		}
		s.store.samples.Packs().Put(s.tenant, s.joinPlace(d), s.r.Fingerprints, of)
	}
}
