package rollupstore

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/value"

	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// tailSpan is how long before the end of a range, in ms, its last samples are looked for: samples that rollups are made
// of are sixteen an hour at least.
const tailSpan = 2 * 3_600_000

// readTails reads the times of the last samples of the series. One that has too few in that time ended before, and its
// samples are needed.
func (s *share) readTails(ctx context.Context) error {
	if s.want.Tail == 0 {
		return nil
	}
	s.tails = make([][]int64, len(s.r.Fingerprints))
	r := s.r
	r.From, r.Fingerprints = max(r.From, r.To-tailSpan), nil
	for i, fp := range s.r.Fingerprints {
		if !s.unfit[i] {
			r.Fingerprints = append(r.Fingerprints, fp)
		}
	}
	if len(r.Fingerprints) == 0 {
		return nil
	}
	times := make([]int64, len(s.r.Fingerprints)*s.want.Tail) // of all
	stats, err := s.store.samples.Stream(ctx, s.tenant, r, func(samples samplestore.Samples) error {
		i, _ := slices.BinarySearch(s.r.Fingerprints, samples.Fingerprint)
		s.tails[i] = lastOf(times[i*s.want.Tail:][:s.want.Tail], samples, s.want.StaleTail)
		return s.to.Thinned(len(samples.Times))
	})
	s.stats.Add(stats)
	for i, t := range s.tails {
		s.unfit[i] = s.unfit[i] || t == nil
	}
	return err
}

// lastOf fills tail with the times of the last samples that are not NaN, with or without stale markers; nil means that there
// are not so many.
func lastOf(tail []int64, s samplestore.Samples, stale bool) []int64 {
	n := len(tail)
	for k := len(s.Times) - 1; k >= 0 && n > 0; k-- {
		if v := s.Values[k]; v == v || stale && value.IsStaleNaN(v) {
			n--
			tail[n] = s.Times[k]
		}
	}
	if n > 0 {
		return nil
	}
	return tail
}
