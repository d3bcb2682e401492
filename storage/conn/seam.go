package conn

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is a ClickHouse database.
type DB struct{}

// Query is one SELECT.
type Query struct {
	SQL      string
	Params   map[string]string
	Settings map[string]any
}

// Stats is what a query read.
type Stats struct {
	Rows, Bytes uint64
	Elapsed     time.Duration
}

// Select runs a query.
func (db *DB) Select(ctx context.Context, q Query, scan func(driver.Rows) error) (Stats, error) {
	return Stats{}, errors.New("conn: not connected")
}
