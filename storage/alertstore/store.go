package alertstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// The tables.
const (
	instancesTable     = "alert_instances"
	groupsTable        = "alert_groups"
	notificationsTable = "alert_notifications"
	historyTable       = "alert_history"
	silencesTable      = "alert_silences"
	leasesTable        = "alert_leases"
)

// Store reads and writes the alerting tables. Safe for concurrent use.
type Store struct {
	db   *conn.DB
	days uint16
	// last is the latest stamp given or seen, in Unix nanoseconds.
	last atomic.Int64
}

// New makes a store whose history, and whose rows of state that are over,
// are kept for retentionDays days.
func New(db *conn.DB, retentionDays uint16) *Store {
	return &Store{db: db, days: retentionDays}
}

// Stamp is a time for UpdatedAt: now, but later than any stamp given before or
// read from the tables, so that a clock set back cannot make new state lose
// against old.
func (s *Store) Stamp() time.Time {
	for {
		last := s.last.Load()
		next := max(time.Now().UnixNano(), last+1)
		if s.last.CompareAndSwap(last, next) {
			return time.Unix(0, next).UTC()
		}
	}
}

// seen keeps later stamps above a time that was read.
func (s *Store) seen(at time.Time) {
	for {
		last := s.last.Load()
		if at.UnixNano() <= last || s.last.CompareAndSwap(last, at.UnixNano()) {
			return
		}
	}
}

// insert sends one block. The token makes repeating it harmless.
func (s *Store) insert(ctx context.Context, table, token string, rows int, columns proto.Input) error {
	var enc block.Encoder
	b, err := enc.Encode(table, rows, columns)
	if err != nil {
		return fmt.Errorf("alertstore: %w", err)
	}
	if err := s.db.Insert(ctx, table, token, []block.Block{b}); err != nil {
		return fmt.Errorf("alertstore: %w", err)
	}
	return nil
}

// nanos is a time as the tables keep it; the zero time is 1970.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// fromTable is the inverse of nanos.
func fromTable(t time.Time) time.Time {
	if t.UnixNano() == 0 {
		return time.Time{}
	}
	return t.UTC()
}

// column is a column of times.
func column(name string, data *proto.ColInt64) proto.InputColumn {
	return proto.InputColumn{Name: name, Data: block.Typed(data, block.Nanoseconds)}
}

func stringMap() *proto.ColMap[string, string] {
	return proto.NewMap[string, string](new(proto.ColStr), new(proto.ColStr))
}
