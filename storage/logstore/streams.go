package logstore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// StreamSize is a resource and how much it has logged.
type StreamSize struct {
	Service  string
	Resource *resourcestore.Row // never nil, shared
	Lines    uint64
	Bytes    uint64 // of bodies as they are stored
}

// Streams lists the resources of the records that pass the filter, the largest
// first, at most limit of them.
func (s *Store) Streams(ctx context.Context, t tenant.ID, f Filter, limit int) ([]StreamSize, conn.Stats, error) {
	sel, err := streamsSelect(t, f, limit)
	if err != nil {
		return nil, conn.Stats{}, err
	}
	var list []StreamSize
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log streams"}, func(rows driver.Rows) error {
		one := StreamSize{Resource: &resourcestore.Row{}}
		if err := rows.Scan(&one.Service, &one.Resource.ID, &one.Lines, &one.Bytes); err != nil {
			return err
		}
		list = append(list, one)
		return nil
	})
	if err != nil || len(list) == 0 {
		return nil, stats, err
	}
	ids := make([]uint64, len(list))
	for i := range list {
		ids[i] = list[i].Resource.ID
	}
	found, err := s.resources.Resources(ctx, t, ids, f.From, f.To)
	for i := range list {
		if r := found[list[i].Resource.ID]; r != nil {
			list[i].Resource = r
		}
	}
	return list, stats, err
}

func streamsSelect(t tenant.ID, f Filter, limit int) (chsql.Select, error) {
	b := f.bind(t)
	where, err := f.inRange(b)
	service, id := chsql.Col("service_name"), chsql.Col("resource_id")
	return b.finish(chsql.Select{
		Columns: []chsql.Expr{service, id, chsql.Func("count").As("lines"), chsql.Func("sum", chsql.Func("length", chsql.Col("body"))).As("bytes")},
		From:    chsql.Table(table), Where: where, GroupBy: []chsql.Expr{service, id},
		OrderBy: []chsql.Order{chsql.Desc(chsql.Col("bytes")), chsql.Asc(id)}, Limit: limit,
	}), err
}
