package logstore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// batchRows is how many rows Stream holds at a time.
const batchRows = 4096

// Stream gives row every record that passes the filter, in no order, holding few
// of them at a time. The row is the callee's only until it returns, but for its
// strings, its attributes, resource and scope. Its error ends the stream and is
// what Stream returns.
func (s *Store) Stream(ctx context.Context, t tenant.ID, f Filter, row func(*Row) error) (conn.Stats, error) {
	sel, err := streamSelect(t, f)
	if err != nil {
		return conn.Stats{}, err
	}
	var scan rowScan
	batch := make([]Row, 0, batchRows)
	flush := func() error {
		if err := s.resolveBetween(ctx, t, batch, f.From, f.To); err != nil {
			return err
		}
		for i := range batch {
			if err := row(&batch[i]); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Settings: attrcol.Settings(), Op: "logs"}, func(from driver.Rows) error {
		r := Row{Resource: &resourcestore.Row{}, Scope: &resourcestore.ScopeRow{}}
		if err := scan.row(from, &r); err != nil {
			return err
		}
		if batch = append(batch, r); len(batch) == batchRows {
			return flush()
		}
		return nil
	})
	if err != nil {
		return stats, err
	}
	return stats, flush()
}

func streamSelect(t tenant.ID, f Filter) (chsql.Select, error) {
	b := f.bind(t)
	where, err := f.inRange(b)
	return b.finish(chsql.Select{Columns: rowColumns(), From: chsql.Table(table), Where: where}), err
}

// inRange are the filter's conditions, time included.
func (f *Filter) inRange(b *binding) ([]chsql.Expr, error) {
	where, err := f.conditions(b)
	if err != nil {
		return nil, err
	}
	times := b.open.conditions(chsql.UnixNano(f.From), chsql.UnixNano(f.To))
	b.cheap -= timeConditions - len(times)
	return slices.Insert(where, 1, times...), nil
}

func (s *Store) resolveBetween(ctx context.Context, t tenant.ID, rows []Row, from, to time.Time) error {
	refs := make([]resourcestore.Ref, len(rows))
	for i := range rows {
		r := &rows[i]
		refs[i] = resourcestore.Ref{Service: r.Service, Resource: &r.Resource, Scope: &r.Scope}
	}
	return s.resources.Resolve(ctx, t, refs, from, to)
}
