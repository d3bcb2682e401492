package samplestore

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/packcache"
)

// Tables that are filled from here.
const (
	Table      = "samples"
	TablePacks = "sample_packs"
)

// Tables as words of SQL.
const (
	samples    = Table
	packTable  = TablePacks
	histograms = "histograms"
)

// Defaults of limits that are given as 0. What is over a limit is a
// *conn.Error of class Limit that names it (max_samples, max_histograms), never
// a shorter answer.
const (
	DefaultSamples    = 50_000_000
	DefaultHistograms = 1_000_000
)

// Store reads the points of series. Safe for concurrent use.
type Store struct {
	db      *conn.DB
	packs   *packcache.Cache
	spare   sync.Pool // *Samples, for Stream
	buffers sync.Pool // *[]byte, of its packs
	keepers sync.Pool // *keeping
}

// New makes a store on a database.
func New(db *conn.DB) *Store { return &Store{db: db} }

// Remember makes Stream keep packs in memory, so many bytes of them. It is to be
// called before the first read.
func (s *Store) Remember(bytes int64) { s.packs = packcache.New(bytes) }

// Packs is what Stream remembers, nil for nothing; others may keep theirs there under days that are none.
func (s *Store) Packs() *packcache.Cache { return s.packs }
