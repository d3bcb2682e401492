package rawsql

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// MaxRows is how many rows a statement may yield.
const MaxRows = 10_000

// Store runs statements at one server as one user. It is safe for concurrent
// use.
type Store struct {
	db       *conn.DB
	verified atomic.Bool
}

// New makes a store over a connection whose selects are those of the user who
// may only read.
func New(db *conn.DB) *Store { return &Store{db: db} }

// Verify says whether the user may only read, and may bound what a statement
// costs: the setting `readonly` is 2 in its profile. Nothing else is run before
// that is so. The error is a *conn.Error.
func (s *Store) Verify(ctx context.Context) error {
	if s.verified.Load() {
		return nil
	}
	var readonly string
	_, err := s.db.Select(ctx, conn.Query{SQL: "SELECT toString(getSetting('readonly'))", Op: "verify"}, func(rows driver.Rows) error {
		return rows.Scan(&readonly)
	})
	switch {
	case err != nil && conn.ClassOf(err) != conn.Rejected:
		return err
	case err != nil:
		return &conn.Error{Class: conn.Rejected, Op: "verify", Err: err, Message: "the user for SQL rules must have readonly = 2 in its profile, which lets the time of a statement be bounded: " + err.Error()}
	case readonly != "2":
		return &conn.Error{Class: conn.Rejected, Op: "verify", Message: fmt.Sprintf("the user for SQL rules must have readonly = 2 in its profile, so that it may only read; it has %s", readonly)}
	}
	s.verified.Store(true)
	return nil
}

// Row is a label set and its value.
type Row struct {
	Labels map[string]string
	Value  float64
}

// Select runs a statement for a time: {at:DateTime64(3)} and {tenant:String} in
// it stand for the time and the tenant. The column `value` is a row's value,
// which is a number; a row without one is left out. `labels`, if it is a
// Map(String, String), are labels, and every other column is one, unless it is
// NULL. More than MaxRows rows are an error. Errors are a *Mistake, a
// *conn.Error or tell what is wrong with a column.
func (s *Store) Select(ctx context.Context, t tenant.ID, text string, at time.Time) ([]Row, conn.Stats, error) {
	if err := Check(text); err != nil {
		return nil, conn.Stats{}, err
	}
	if err := s.Verify(ctx); err != nil {
		return nil, conn.Stats{}, err
	}
	var out []Row
	var shape *shape
	q := conn.Query{
		SQL: statement(text), Op: "sql rule",
		Params:   map[string]string{"at": strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64), "tenant": string(t)},
		Settings: map[string]any{"max_result_rows": MaxRows},
	}
	stats, err := s.db.Select(ctx, q, func(rows driver.Rows) (err error) {
		if shape == nil {
			if shape, err = shapeOf(rows.Columns(), rows.ColumnTypes()); err != nil {
				return err
			}
		}
		if len(out) == MaxRows {
			return &conn.Error{Class: conn.Limit, Op: "sql rule", Limit: "max_result_rows", Message: fmt.Sprintf("more than %d rows", MaxRows)}
		}
		row, ok, err := shape.read(rows)
		if ok {
			out = append(out, row)
		}
		return err
	})
	if err != nil {
		return nil, stats, err
	}
	return out, stats, nil
}
