package metricstore

import (
	"math/bits"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// Memory finds the fingerprint of a series, whose row is stored, by the bytes
// its attributes were encoded with, so that they need not be decoded, sorted
// and hashed for every point. It is a table of fixed size without locks: a
// writer that loses a race, or finds its place taken, costs a later reader the
// long way, nothing else. Safe for concurrent use; a nil *Memory is empty.
//
// Two series are taken for one when 64-bit hashes of all that identifies them
// are equal, which is as unlikely as it is for their fingerprints.
type Memory struct{ slots []slot }

// slot is one entry. The key is kept combined with the fingerprint, so that a
// pair torn by two writers matches no key.
type slot struct{ check, fingerprint atomic.Uint64 }

// ways is how many neighbouring slots, one cache line, a key may be in.
const ways = 4

// NewMemory makes a memory of about n series, 16 bytes each.
func NewMemory(n int) *Memory {
	return &Memory{slots: make([]slot, 1<<bits.Len(uint(max(n, ways)-1)))}
}

// Recalled is what a Memory knows of a series. The zero value is one it was
// not asked for.
type Recalled struct {
	Fingerprint uint64
	Known       bool
	key         uint64
}

// Recall looks for the series that has the given identity (Batch.Identity),
// encoded attributes, and a row for the day of ts, in Unix milliseconds.
func (m *Memory) Recall(identity uint64, encoded []byte, ts int64) Recalled {
	if m == nil {
		return Recalled{}
	}
	key := attribute.Mix(attribute.Mix(identity, xxhash.Sum64(encoded)), uint64(ts/86_400_000)) | 1 // never 0
	line := m.line(key)
	for i := range line {
		fp := line[i].fingerprint.Load()
		if line[i].check.Load()^fp == key {
			return Recalled{Fingerprint: fp, Known: true, key: key}
		}
	}
	return Recalled{key: key}
}

// Remember keeps the fingerprint of a series that was not known. Its row must
// be stored.
func (m *Memory) Remember(r Recalled, fingerprint uint64) {
	if r.key == 0 || r.Known {
		return
	}
	line := m.line(r.key)
	into := &line[r.key>>60%ways]
	for i := range line {
		if line[i].check.Load() == 0 {
			into = &line[i]
			break
		}
	}
	into.fingerprint.Store(fingerprint)
	into.check.Store(r.key ^ fingerprint)
}

func (m *Memory) line(key uint64) []slot {
	first := int(key>>1) & (len(m.slots) - 1) &^ (ways - 1)
	return m.slots[first : first+ways]
}

// Identity is a hash of all that identifies a series but its attributes and
// its quantile.
func (b *Batch) Identity(s *Series) uint64 {
	b.hasher.Reset()
	b.hasher.String(b.tenant)
	b.hasher.Uint64(uint64(b.days))
	b.hasher.String(s.Name)
	b.hasher.String(s.Unit)
	b.hasher.Uint64(s.flags())
	if s.PromName != "" {
		b.hasher.String(s.PromName)
		b.hasher.Uint64(s.about())
	}
	b.hasher.Uint64(s.ResourceID)
	b.hasher.Uint64(s.ScopeID)
	return b.hasher.Sum()
}

// Stored says whether the series is known to have a row for the day of ts,
// Unix milliseconds.
func (b *Batch) Stored(s *Series, fp uint64, ts int64) bool {
	return b.known.Has(b.owner.Key(fp^s.about(), block.Day(ts/1000), b.days))
}
