package rollupstore

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// Table is the table of rollups.
const Table = "sample_rollups"

const (
	dayMillis = 86_400_000
)

// Store makes and reads rollups. Safe for concurrent use.
type Store struct {
	db      *conn.DB
	samples *samplestore.Store
	benches sync.Pool // *bench
}

// New makes a store beside that of the samples, whose memory it shares.
func New(db *conn.DB, samples *samplestore.Store) *Store { return &Store{db: db, samples: samples} }

// bench is where a series is worked on.
type bench struct {
	entries samplerollup.Entries
	packer  samplerollup.Packer
	body    []byte
}

func (s *Store) bench() *bench {
	if b, ok := s.benches.Get().(*bench); ok {
		return b
	}
	return new(bench)
}
