package metricstore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Index lists series as Series does, but of each only what tells which it is:
// names, type, temporality, monotonicity, and whether Prometheus sent it. Resource and Labels are nil, and
// the rows in no order. It costs a fraction, and who keeps what it has made of a
// series needs no more.
func (s *Store) Index(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector) ([]SeriesRow, error) {
	limit := conn.LimitOr(sel.Limit, DefaultSeries)
	where, err := sel.conditions(t, from, to)
	if err != nil {
		return nil, err
	}
	var (
		fingerprint    proto.ColUInt64
		name, promName proto.ColStr
		typ, temporal  proto.ColUInt8
		monotonic      proto.ColBool
		prometheus     proto.ColBool
		rows           []SeriesRow
		names          = map[string]string{}
	)
	shared := func(b []byte) string {
		if s, ok := names[string(b)]; ok {
			return s
		}
		s := string(b)
		names[s] = s
		return s
	}
	_, err = s.db.Columns(ctx, conn.Query{SQL: indexSelect(where, limit+1).SQL(), Params: sel.params(), Op: "series"}, proto.Results{
		{Name: "fingerprint", Data: &fingerprint}, {Name: "metric_name", Data: &name}, {Name: "prom_name", Data: &promName},
		{Name: "type_number", Data: &typ}, {Name: "temporality_number", Data: &temporal}, {Name: "monotonic", Data: &monotonic},
		{Name: "prometheus", Data: &prometheus},
	}, func() error {
		rows = slices.Grow(rows, len(fingerprint))
		for i, fp := range fingerprint {
			rows = append(rows, SeriesRow{
				Fingerprint: fp, Name: shared(name.RowBytes(i)), PromName: shared(promName.RowBytes(i)),
				Type: Type(typ[i]), Temporality: Temporality(temporal[i]), Monotonic: monotonic[i], Prometheus: prometheus[i],
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(rows) > limit {
		return nil, conn.Over("series", "max_series", limit)
	}
	return rows, nil
}

func indexSelect(where []chsql.Expr, limit int) chsql.Select {
	s := seriesSelect(where, limit)
	s.Columns = []chsql.Expr{
		chsql.Col("fingerprint"), chsql.Col("metric_name"), chsql.Col("prom_name"),
		chsql.Func("toUInt8", chsql.Col("type")).As("type_number"), chsql.Func("toUInt8", chsql.Col("temporality")).As("temporality_number"), chsql.Col("monotonic"),
		chsql.Col("prometheus"),
	}
	return s
}
