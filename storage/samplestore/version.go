package samplestore

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Tables of other packages: series, what sent them, and what is kept of samples for long ranges.
const (
	series    = "series"
	resources = "resources"
	rollups   = "sample_rollups"
)

// Version is what the tables of metrics held at a moment, as far as the server tells:
// what was read after it is still true as long as a later Version says the same. The
// zero value says nothing, and nothing is remembered by it.
type Version struct{ contents conn.Contents }

// Version asks what the tables hold of the days of [from,to]. It is to be asked for
// before anything is read.
func (s *Store) Version(ctx context.Context, from, to time.Time) Version {
	return Version{s.db.Contents(ctx, []string{series, samples, resources, rollups}, from, to)}
}

// Samples is the version of a day's samples, counted from 1970; 0 is not known.
func (v Version) Samples(day uint32) uint64 { return v.contents[conn.Day{Table: samples, Day: day}] }

// Rollups is the version of a day's samples and of what is kept of them; 0 is not known.
func (v Version) Rollups(day uint32) uint64 {
	of := v.Samples(day)
	if of == 0 {
		return 0
	}
	return attribute.Mix(of, v.contents[conn.Day{Table: rollups, Day: day}])
}

// Series is a number that changes when series or resources of the days of [from,to]
// do; not ok means that it is not known.
func (v Version) Series(from, to time.Time) (sum uint64, ok bool) {
	first, last := from.Unix()/86_400, to.Unix()/86_400
	for at, of := range v.contents {
		if at.Table != samples && at.Table != rollups && int64(at.Day) >= first && int64(at.Day) <= last {
			sum += attribute.Mix(of, uint64(at.Day)<<1|uint64(len(at.Table)&1)) // the names' lengths differ by that
			ok = ok || at.Table == series
		}
	}
	return sum, ok
}
