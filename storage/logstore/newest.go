package logstore

import (
	"context"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Matching is a filter's conditions on a tenant's records, for statements that
// join them with other signals.
func Matching(t tenant.ID, f Filter) ([]chsql.Expr, error) { return f.inRange(f.bind(t)) }

// NewestSelect reads the newest records that conditions hold for.
func NewestSelect(where []chsql.Expr, limit int) chsql.Select {
	return chsql.Select{
		Columns: rowColumns(), From: chsql.Table(table), Where: where,
		OrderBy: []chsql.Order{chsql.Desc(chsql.Col("time")), chsql.Desc(chsql.Col("id"))},
		Limit:   limit,
	}
}

// ReadNewest runs a NewestSelect: records, the newest first.
func (s *Store) ReadNewest(ctx context.Context, t tenant.ID, sel chsql.Select) (res Result, err error) {
	if res.Stats, err = s.read(ctx, sel, &res.Rows); err != nil {
		return res, err
	}
	return res, s.resolve(ctx, t, res.Rows)
}
