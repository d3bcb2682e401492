package schema

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// ErrTooNew is wrapped when the database was migrated by a newer Trefoil.
var ErrTooNew = errors.New("schema: the database is newer than this binary")

// ErrPending is wrapped by Check when migrations wait.
var ErrPending = errors.New("schema: migrations wait")

// ErrChanged is wrapped when an applied migration is not the one this binary
// carries under the same number.
var ErrChanged = errors.New("schema: an applied migration differs")

// States of a ledger row.
const (
	stateStarted = "started"
	stateApplied = "applied"
)

const ledger = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version UInt32,
  name String,
  checksum String,
  state LowCardinality(String),
  at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY (version, at)`

// Report is what a migration run did.
type Report struct {
	Before, After int // versions
	Applied       []Migration
}

// Migrate brings the database to this binary's schema. It may be called again
// after any failure, and by several at once: every statement is one that does
// nothing the second time. Where a table is rebuilt, the second of several that
// come to it at once fails and may be started again.
func Migrate(ctx context.Context, db *conn.DB, opt Options) (Report, error) {
	if err := db.Exec(ctx, ledger); err != nil {
		return Report{}, fmt.Errorf("schema: ledger: %w", err)
	}
	pending, version, err := Plan(ctx, db, opt)
	if err != nil {
		return Report{}, err
	}
	r := Report{Before: version, After: version}
	for _, m := range pending {
		if err := apply(ctx, db, m); err != nil {
			return r, err
		}
		r.After = m.Version
		r.Applied = append(r.Applied, m)
		if opt.Progress != nil {
			opt.Progress(m)
		}
	}
	return r, nil
}

func apply(ctx context.Context, db *conn.DB, m Migration) error {
	if err := record(ctx, db, m, stateStarted); err != nil {
		return err
	}
	for i, s := range m.Statements {
		if err := execute(ctx, db, s); err != nil {
			return fmt.Errorf("schema: %s: statement %d: %w", m, i+1, err)
		}
	}
	return record(ctx, db, m, stateApplied)
}

// statementTime bounds one statement: a copy of a table takes a minute for some
// thirty million rows.
const statementTime = 2 * time.Hour

func execute(ctx context.Context, db *conn.DB, s Statement) error {
	ctx, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	if s.Unless != "" {
		behind := false
		_, err := db.Select(ctx, conn.Query{Op: "migration", SQL: s.Unless, Admin: true}, func(driver.Rows) error {
			behind = true
			return nil
		})
		if err != nil || behind {
			return err
		}
	}
	return db.Exec(ctx, s.SQL)
}

func record(ctx context.Context, db *conn.DB, m Migration, state string) error {
	err := db.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum, state) VALUES (?, ?, ?, ?)",
		uint32(m.Version), m.Name, m.Checksum, state)
	if err != nil {
		return fmt.Errorf("schema: %s: ledger: %w", m, err)
	}
	return nil
}

// Check returns nil when the database has exactly this binary's schema.
func Check(ctx context.Context, db *conn.DB, opt Options) error {
	pending, version, err := Plan(ctx, db, opt)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fmt.Errorf("%w: the database has version %d, this binary %d; run `trefoil migrate apply`",
			ErrPending, version, pending[len(pending)-1].Version)
	}
	return nil
}

// Plan returns the version of the database and the migrations that Migrate
// would apply. It changes nothing.
func Plan(ctx context.Context, db *conn.DB, opt Options) (pending []Migration, version int, err error) {
	all, err := Render(opt)
	if err != nil {
		return nil, 0, err
	}
	applied, touched, err := readLedger(ctx, db)
	if err != nil {
		return nil, 0, err
	}
	if touched > len(all) {
		return nil, touched, fmt.Errorf("%w: it has version %d, this binary knows %d; run the newer Trefoil, or restore a backup taken before the upgrade",
			ErrTooNew, touched, len(all))
	}
	for v := range applied {
		version = max(version, v)
	}
	for _, m := range all {
		sum, ok := applied[m.Version]
		switch {
		case !ok:
			pending = append(pending, m)
		case sum != m.Checksum:
			return nil, version, fmt.Errorf("%w: %s has checksum %.12s in the database and %.12s in this binary", ErrChanged, m, sum, m.Checksum)
		}
	}
	return pending, version, nil
}

// readLedger returns what was applied, version to checksum, and the newest
// version that was ever started: half of a newer schema is a newer schema.
func readLedger(ctx context.Context, db *conn.DB) (applied map[int]string, touched int, err error) {
	exists := false
	_, err = db.Select(ctx, conn.Query{Op: "ledger", SQL: "EXISTS TABLE schema_migrations"}, func(rows driver.Rows) error {
		var n uint8
		err := rows.Scan(&n)
		exists = n == 1
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("schema: ledger: %w", err)
	}
	if !exists {
		return nil, 0, nil
	}
	applied = map[int]string{}
	_, err = db.Select(ctx, conn.Query{Op: "ledger",
		SQL: "SELECT version, countIf(state = 'applied') > 0, argMaxIf(checksum, at, state = 'applied') FROM schema_migrations GROUP BY version"}, func(rows driver.Rows) error {
		var v uint32
		var done uint8
		var sum string
		if err := rows.Scan(&v, &done, &sum); err != nil {
			return err
		}
		touched = max(touched, int(v))
		if done == 1 {
			applied[int(v)] = sum
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("schema: ledger: %w", err)
	}
	return applied, touched, nil
}
