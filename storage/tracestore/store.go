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

// Tracing are the resources that have spans that start in [from, to).
func Tracing(from, to time.Time) resourcestore.Seen {
	return resourcestore.Seen{From: from, To: to, Signal: resourcestore.Traces}
}

// LabelNames lists the keys of the attributes of spans on the days of [from, to) and of
// the resources that have spans then, at most limit of them (0 means 1,000).
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	limit = attrcol.Bound(limit)
	of, err := s.resources.LabelNames(ctx, t, Tracing(from, to), limit)
	if err != nil {
		return Names{}, err
	}
	own, err := s.SpanKeys(ctx, t, from, to, limit)
	return attrcol.Merge(own, of, limit), err
}

// SpanKeys is LabelNames without those of resources. Where no keys were written
// down it looks at the newest spans, tens of thousands at least.
func (s *Store) SpanKeys(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Names, error) {
	names, err := s.ListedKeys(ctx, t, scopeSpan, from, to, limit)
	if err != nil || len(names.Values) > 0 {
		return names, err
	}
	return sample(t, from, to).Keys(ctx, s.db, attrcol.Bound(limit))
}

// LabelValues lists the texts an attribute has in spans or their resources in the
// hours of [from, to), at most limit of them (0 means 1,000): of spans those that
// were written down (see Vocabulary) or, where there are none, those of the newest
// spans, tens of thousands at least.
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, key string, from, to time.Time, limit int) (Names, error) {
	limit = attrcol.Bound(limit)
	of, err := s.resources.LabelValues(ctx, t, key, Tracing(from, to), limit)
	if err != nil {
		return Names{}, err
	}
	listed, stats, err := s.ListedValues(ctx, t, Listed{From: chsql.UnixNano(from), To: chsql.UnixNano(to), Field: Field{Kind: SpanAttribute, Key: key}, Limit: limit + 1})
	if err != nil {
		return Names{}, err
	}
	own := Names{Stats: stats}
	for _, v := range listed {
		own.Values = append(own.Values, v.Text)
	}
	if len(listed) == 0 {
		own, err = sample(t, from, to).Values(ctx, s.db, key, limit)
	}
	return attrcol.Merge(own, of, limit), err
}

func sample(t tenant.ID, from, to time.Time) attrcol.Sample {
	return attrcol.Sample{
		Table:  attrcol.Table{Source: chsql.Table(spans), During: during},
		Tenant: t, From: chsql.UnixNano(from), To: chsql.UnixNano(to),
	}
}
