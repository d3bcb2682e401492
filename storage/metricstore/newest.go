package metricstore

import (
	"context"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// MatchingExemplars is the conditions of the tenant's exemplars of [from, to),
// Unix ns, of the series that a selector finds, for statements that join them
// with other signals. Fingerprints of the selector are not looked at.
func MatchingExemplars(t tenant.ID, from, to int64, sel Selector) ([]chsql.Expr, error) {
	at := chsql.Col("time")
	where := []chsql.Expr{
		chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
		chsql.Ge(at, chsql.Nanoseconds(from)), chsql.Lt(at, chsql.Nanoseconds(to)),
	}
	sel.Fingerprints = nil
	if len(sel.Names) == 0 && sel.NameRegexp == "" && len(sel.Matchers) == 0 {
		return where, nil
	}
	// A point's day may be another than its exemplar's.
	of, err := sel.conditions(t, time.Unix(0, from).Add(-24*time.Hour), time.Unix(0, to).Add(24*time.Hour))
	if err != nil {
		return nil, err
	}
	fingerprint := chsql.Col("fingerprint")
	found := chsql.Select{Distinct: true, Columns: []chsql.Expr{fingerprint}, From: chsql.Table(series), Where: of}
	return append(where, chsql.InSelect(fingerprint, found)), nil
}

// NewestExemplars reads the newest exemplars that conditions hold for.
func NewestExemplars(where []chsql.Expr, limit int) chsql.Select {
	sel := allExemplars("", nil, limit)
	sel.Where = where
	sel.OrderBy = []chsql.Order{chsql.Desc(chsql.Col("time")), chsql.Asc(chsql.Col("fingerprint")), chsql.Asc(chsql.Col("span_id"))}
	return sel
}

// ReadNewest runs a NewestExemplars: at most limit exemplars, the newest first.
func (s *Store) ReadNewest(ctx context.Context, t tenant.ID, sel chsql.Select, limit int) (Exemplars, error) {
	list, err := s.readExemplars(ctx, conn.Query{SQL: sel.SQL(), Op: "exemplars"}, limit)
	if err != nil {
		return Exemplars{}, err
	}
	slices.Reverse(list.Rows) // as nameSeries wants them
	err = s.nameSeries(ctx, t, list.Rows)
	slices.Reverse(list.Rows)
	return list, err
}
