package logstore

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Keys are the keys of attributes in use: of records, their resources and their
// scopes.
type Keys struct {
	Record, Resource, Scope []string
	Typed                   map[string]bool // of Record, see attrcol.Matcher
}

// maxKeys bounds each list of Keys. A tenant with more of them cannot be asked
// for all.
const maxKeys = 100_000

// Keys lists the keys in use on the days from from to to, sorted. It reads small
// tables only.
func (s *Store) Keys(ctx context.Context, t tenant.ID, from, to time.Time) (Keys, error) {
	k := Keys{Typed: map[string]bool{}}
	resource, err := s.resources.LabelNames(ctx, t, from, to, maxKeys)
	if err != nil {
		return k, err
	}
	scope, err := s.resources.ScopeKeys(ctx, t, from, to, maxKeys)
	if err != nil {
		return k, err
	}
	k.Resource, k.Scope = resource.Values, scope.Values
	_, err = s.db.Select(ctx, conn.Query{SQL: keysSelect(t, from, to).SQL(), Op: "log keys"}, func(rows driver.Rows) error {
		var key string
		var typed bool
		if err := rows.Scan(&key, &typed); err != nil {
			return err
		}
		k.Record = append(k.Record, key)
		if typed {
			k.Typed[key] = true
		}
		return nil
	})
	return k, err
}

func keysSelect(t tenant.ID, from, to time.Time) chsql.Select {
	key := chsql.Col("key")
	typed := chsql.Eq(chsql.Func("groupUniqArray", chsql.Col("place")), chsql.Func("array", chsql.String("typed")))
	return chsql.Select{
		Columns: []chsql.Expr{key, chsql.Func("toBool", typed)}, From: chsql.Table("log_keys"), GroupBy: []chsql.Expr{key},
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
			chsql.Ge(chsql.Col("day"), chsql.Date(from)),
			chsql.Le(chsql.Col("day"), chsql.Date(to)),
		},
		OrderBy: []chsql.Order{chsql.Asc(key)}, Limit: maxKeys,
	}
}

// Structured is whether a record in [from, to) has a body that is no text.
func (s *Store) Structured(ctx context.Context, t tenant.ID, from, to time.Time) (bool, conn.Stats, error) {
	return s.any(ctx, t, from, to, structured())
}

// Unnumbered is whether a record in [from, to) has the severity number 0.
func (s *Store) Unnumbered(ctx context.Context, t tenant.ID, from, to time.Time) (bool, conn.Stats, error) {
	return s.any(ctx, t, from, to, chsql.Eq(chsql.Col("severity_number"), chsql.Uint(0)))
}

// any is whether a condition holds for a record in [from, to).
func (s *Store) any(ctx context.Context, t tenant.ID, from, to time.Time, cond chsql.Expr) (bool, conn.Stats, error) {
	f := Filter{From: from, To: to}
	where, err := f.inRange(t)
	if err != nil {
		return false, conn.Stats{}, err
	}
	found := false
	sel := chsql.Select{Columns: []chsql.Expr{chsql.Uint(1)}, From: chsql.Table(table), Where: append(where, cond), Limit: 1}
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log kinds"}, func(driver.Rows) error {
		found = true
		return nil
	})
	return found, stats, err
}
