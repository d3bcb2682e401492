package server

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/alerting/sqlrule"
	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// sqlInstant evaluates rules in SQL.
type sqlInstant func(ctx context.Context, t tenant.ID, statement string, at time.Time) (promql.Vector, error)

// sqlRules is nil unless --clickhouse-dsn names a user for rules in SQL, which
// the embedded ClickHouse has not. A user who may do more than read is refused;
// a server that is away now is asked again before the first rule is.
func (s *server) sqlRules() (sqlInstant, error) {
	if s.backend.Engine != nil {
		return nil, nil
	}
	dsn, err := conn.ParseDSN(s.cfg.DSN)
	if err != nil {
		return nil, err
	}
	addr, ok := dsn.AsSQLUser()
	if !ok {
		return nil, nil
	}
	rows := s.cfg.queryRows
	if rows == 0 {
		rows = backend.SQLRowsToRead
	}
	db, store, err := backend.OpenSQL(addr, conn.Limits{MaxTime: s.cfg.queryTimeout, MaxRowsToRead: rows})
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
	return sqlrule.Evaluator(store), nil
}
