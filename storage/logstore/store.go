package logstore

import (
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// Filter says which records are wanted. Its conditions are joined by and; the
// zero value of each is no condition.
type Filter struct {
	From, To    time.Time // [From, To), both needed
	Services    []string  // any of them
	MinSeverity uint8     // OTLP severity number
	MaxSeverity uint8
	TraceID     *[16]byte
	SpanID      *[8]byte
	Text        string   // a part of the body, in any case
	Contains    []string // parts of the body, each as it is
	Attributes  []attrcol.Matcher
	Where       []Cond   // in the terms of a query language
	Meanings    Meanings // what the names in Where mean
	// TextOnly says that no record in the range has a body that is no text, which a
	// Survey tells; those are then not looked for.
	TextOnly bool
	// Numbered says that no record in the range is without a severity number, which
	// a Survey tells; texts of severities are then not looked at for a level.
	Numbered bool
	// ASCII says that no record in the range has a body with characters beyond ASCII, which
	// a Survey tells; whole words are then looked for by the index of words.
	ASCII bool
}

// Cursor is a place between two records: those of the page that ended with
// (Time, ID) are before it.
type Cursor struct {
	Time int64 // Unix nanoseconds
	ID   uint64
}

// Page says how many records are wanted and in which order.
type Page struct {
	Limit   int     // 1 to MaxLimit; 0 means DefaultLimit
	Forward bool    // oldest first; otherwise newest first
	After   *Cursor // go on behind the record with this time and id
}

// Limits of a page. A Limit above MaxLimit is a *conn.Error of class Limit.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

// Row is one stored record, as it was sent. Resource and Scope are never nil
// (without attributes where they are not stored) and shared: not to be changed.
type Row struct {
	Time, ObservedTime int64 // Unix nanoseconds
	ID                 uint64
	SeverityNumber     uint8
	SeverityText       string
	TraceID            [16]byte
	SpanID             [8]byte
	Flags              uint32
	EventName          string
	Body               attribute.Value
	Attributes         []attribute.KeyValue // sorted by key
	Dropped            uint32
	Service            string
	Resource           *resourcestore.Row
	Scope              *resourcestore.ScopeRow
}

// Cursor is the place behind the record.
func (r *Row) Cursor() Cursor { return Cursor{Time: r.Time, ID: r.ID} }

// Result is one page of records.
type Result struct {
	Rows      []Row
	Truncated bool // there are more behind the last one
	Stats     conn.Stats
}

// Store reads log records. Safe for concurrent use.
type Store struct {
	db        *conn.DB
	resources *resourcestore.Store
}

// New makes a store on a database. Resources and scopes are read through
// resources, so that its cache serves all stores.
func New(db *conn.DB, resources *resourcestore.Store) *Store {
	return &Store{db: db, resources: resources}
}

// timeConditions is how many conditions during makes.
const timeConditions = 2

// during are the conditions of a time in [from, to), Unix ns.
func during(from, to int64) []chsql.Expr {
	at := chsql.Col("time")
	return []chsql.Expr{chsql.Ge(at, chsql.Nanoseconds(from)), chsql.Lt(at, chsql.Nanoseconds(to))}
}
