package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/alerting/sqlrule"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rawsql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// sqlRowsToRead is how many rows a rule in SQL may read where
// --query-max-rows sets no limit.
const sqlRowsToRead = 1_000_000_000

// sqlInstant evaluates rules in SQL.
type sqlInstant func(ctx context.Context, t tenant.ID, statement string, at time.Time) (promql.Vector, error)

// sqlRules is nil unless --clickhouse-dsn names a user for rules in SQL, which
// the embedded ClickHouse has not. A user who may do more than read is refused;
// a server that is away now is asked again before the first rule is.
func (s *server) sqlRules() (sqlInstant, error) {
	if s.backend.engine != nil {
		return nil, nil
	}
	dsn, err := conn.ParseDSN(s.cfg.clickhouseDSN)
	if err != nil {
		return nil, err
	}
	addr, ok := dsn.AsSQLUser()
	if !ok {
		return nil, nil
	}
	rows := s.cfg.queryRows
	if rows == 0 {
		rows = sqlRowsToRead
	}
	db, store, err := openSQL(addr, conn.Limits{MaxTime: s.cfg.queryTimeout, MaxRowsToRead: rows})
	if err != nil {
		return nil, err
	}
	s.addActor(func(ctx context.Context) error {
		<-ctx.Done()
		return db.Close()
	})
	err = within(5*time.Second, store.Verify)
	switch conn.ClassOf(err) {
	case conn.Unavailable, conn.Timeout:
		s.log.Warn("the user for rules in SQL is not verified yet", "err", err)
	default:
		if err != nil {
			return nil, fmt.Errorf("flag --clickhouse-dsn: sql_user: %w", err)
		}
	}
	return evaluator(store), nil
}

func openSQL(addr conn.Addr, limits conn.Limits) (*conn.DB, *rawsql.Store, error) {
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }, MaxOpen: 4, Limits: limits})
	if err != nil {
		return nil, nil, err
	}
	return db, rawsql.New(db), nil
}

func evaluator(store *rawsql.Store) sqlInstant {
	return func(ctx context.Context, t tenant.ID, statement string, at time.Time) (promql.Vector, error) {
		return sqlrule.Instant(ctx, store, t, statement, at)
	}
}
