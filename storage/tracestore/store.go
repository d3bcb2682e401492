package tracestore

import (
	"context"
	"errors"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// ErrNotFound is a trace that is not stored.
var ErrNotFound = errors.New("tracestore: trace not found")

// Limits of a trace. One above MaxLimit is a *conn.Error of class Limit.
const (
	DefaultLimit = 10_000
	MaxLimit     = 100_000
)

// Span is one stored span, as it was sent. Resource and Scope are never nil
// (without attributes where they are not stored) and shared: not to be changed.
type Span struct {
	TraceID           [16]byte
	SpanID, Parent    [8]byte
	TraceState        string
	Flags             uint32
	Name              string
	Service           string
	Kind              uint8  // OTLP number
	Start             int64  // Unix nanoseconds
	Duration          uint64 // nanoseconds
	StatusCode        uint8  // OTLP number
	StatusMessage     string
	Attributes        []attribute.KeyValue // sorted by key
	Events            []Event
	Links             []Link
	DroppedAttributes uint32
	DroppedEvents     uint32
	DroppedLinks      uint32
	Resource          *resourcestore.Row
	Scope             *resourcestore.ScopeRow
}

// Result is a trace. Spans are in the order of their start.
type Result struct {
	Spans     []Span
	Total     int  // spans stored, more than len(Spans) when truncated
	Truncated bool // the latest spans were cut off
	Stats     conn.Stats
}

// Store reads spans. Safe for concurrent use.
type Store struct {
	db        *conn.DB
	resources *resourcestore.Store
}

// New makes a store on a database. Resources and scopes are read through
// resources, so that its cache serves all stores.
func New(db *conn.DB, resources *resourcestore.Store) *Store {
	return &Store{db: db, resources: resources}
}

// DB is the database the store reads.
func (s *Store) DB() *conn.DB { return s.db }

// Names is a bounded list of names or values, sorted.
type Names = attrcol.Names

// LabelNames lists the keys of the attributes of spans and their resources in
// [from, to), at most limit of them (0 means 1,000). Of the spans it looks at
// the newest, tens of thousands at least; Truncated tells when there are older
// ones.
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	limit = attrcol.Bound(limit)
	of, err := s.resources.LabelNames(ctx, t, from, to, limit)
	if err != nil {
		return Names{}, err
	}
	own, err := sample(t, from, to).Keys(ctx, s.db, limit)
	return attrcol.Merge(own, of, limit), err
}

// LabelValues lists the texts an attribute has in spans or their resources in
// [from, to), at most limit of them (0 means 1,000). It looks at spans as
// LabelNames does.
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (Names, error) {
	limit = attrcol.Bound(limit)
	of, err := s.resources.LabelValues(ctx, t, key, from, to, limit)
	if err != nil {
		return Names{}, err
	}
	own, err := sample(t, from, to).Values(ctx, s.db, key, limit)
	return attrcol.Merge(own, of, limit), err
}

func sample(t tenant.ID, from, to time.Time) attrcol.Sample {
	return attrcol.Sample{
		Table:  attrcol.Table{Source: chsql.Table(spans), Time: chsql.Col("start_time")},
		Tenant: t, From: chsql.UnixNano(from), To: chsql.UnixNano(to),
	}
}
