package resourcestore

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Row is a stored resource. It is shared and must not be changed.
type Row struct {
	ID         uint64
	Service    string // service.name or unknown_service
	Namespace  string // service.namespace
	Instance   string // service.instance.id
	Attributes []attribute.KeyValue
	Dropped    uint32
	SchemaURL  string
}

// ScopeRow is a stored instrumentation scope. It is shared and must not be
// changed.
type ScopeRow struct {
	ID            uint64
	Name, Version string
	Attributes    []attribute.KeyValue
	Dropped       uint32
	SchemaURL     string
}

// Store reads resources and scopes. Safe for concurrent use.
type Store struct{ db *conn.DB }

// New makes a store on a database.
func New(db *conn.DB) *Store { return &Store{db: db} }

// Resources finds resources by id among those seen from one time to another.
// An id that is not stored is not in the map.
func (s *Store) Resources(ctx context.Context, t tenant.ID, ids []uint64, from, to time.Time) (map[uint64]*Row, error) {
	return nil, nil
}

// Scopes finds scopes by id, as Resources.
func (s *Store) Scopes(ctx context.Context, t tenant.ID, ids []uint64, from, to time.Time) (map[uint64]*ScopeRow, error) {
	return nil, nil
}

// Services lists the names of the services seen on the days from from to to,
// sorted, at most limit of them (0 means DefaultServices).
func (s *Store) Services(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (names []string, truncated bool, err error) {
	return nil, false, nil
}
