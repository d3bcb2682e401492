package metricstore

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// TargetMetadata is what is known of one metric of one resource.
type TargetMetadata struct {
	Metadata
	Resource *resourcestore.Row // nil if it is not stored
}

// TargetMetadata lists what Metadata lists, by resource. More than limit (0
// means DefaultNames) are an error of class Limit.
func (s *Store) TargetMetadata(ctx context.Context, t tenant.ID, from, to time.Time, name string, limit int) ([]TargetMetadata, error) {
	limit = conn.LimitOr(limit, DefaultNames)
	var list []TargetMetadata
	var ids []uint64
	_, err := s.db.Select(ctx, conn.Query{SQL: targetSelect(t, from, to, name, limit+1).SQL(), Op: "metadata"}, func(rows driver.Rows) error {
		var m TargetMetadata
		var id uint64
		err := rows.Scan(&m.Name, &m.PromName, (*uint8)(&m.Type), (*uint8)(&m.Temporality), &m.Monotonic, &m.Unit, &m.Prometheus, &m.Description, &id)
		if list, ids = append(list, m), append(ids, id); err == nil && len(list) > limit {
			return conn.Over("metadata", "max_metrics", limit)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	resources, err := s.resources.Resources(ctx, t, ids, from, to)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		list[i].Resource = resources[id]
	}
	return list, nil
}

func targetSelect(t tenant.ID, from, to time.Time, name string, limit int) chsql.Select {
	s := metadataSelect(t, from, to, name, limit)
	id := chsql.Col("resource_id")
	s.Columns = append(s.Columns, id)
	s.GroupBy = append(s.GroupBy, id)
	s.OrderBy = append(s.OrderBy, chsql.Asc(id))
	return s
}
