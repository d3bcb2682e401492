package samplestore

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Bounds lists, by fingerprint, the different bounds that the explicit
// histogram points of a range have. The limit is one of bounds in all, 0 means
// DefaultHistograms.
func (s *Store) Bounds(ctx context.Context, t tenant.ID, r Range) (map[uint64][][]float64, error) {
	limit := conn.LimitOr(r.Limit, DefaultHistograms)
	out := make(map[uint64][][]float64, len(r.Fingerprints))
	read := 0
	for _, fps := range r.batches() {
		q := conn.Query{SQL: boundsSelect(t, r.From, r.To).SQL(), Params: map[string]string{"fingerprints": resourcestore.IDList(fps)}, Op: "bounds"}
		_, err := s.db.Select(ctx, q, func(rows driver.Rows) error {
			var fp uint64
			var bounds string
			if err := rows.Scan(&fp, &bounds); err != nil {
				return fmt.Errorf("bounds: %w", err)
			}
			if read++; read > limit {
				return conn.Over("bounds", "max_histograms", limit)
			}
			out[fp] = append(out[fp], histcol.Floats(bounds))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func boundsSelect(t tenant.ID, from, to int64) chsql.Select {
	s := histogramSelect(t, from, to)
	s.Distinct = true
	s.Columns = []chsql.Expr{chsql.Col("fingerprint"), raw(chsql.Col("bounds"))}
	s.Where = append(s.Where, chsql.Eq(chsql.Col("kind"), chsql.Uint(uint64(histcol.KindExplicit))))
	s.OrderBy = nil
	return s
}
