package metricstore

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// LabelKey is the key of a point attribute, as it was sent.
type LabelKey struct {
	Key        string
	Prometheus bool // whether Prometheus sent it
}

// LabelKeys lists the keys that have a value, not an empty one, in any of the
// series of the days of [from, to], in no order.
func (s *Store) LabelKeys(ctx context.Context, t tenant.ID, from, to time.Time) ([]LabelKey, error) {
	var keys []LabelKey
	_, err := s.db.Select(ctx, conn.Query{SQL: labelKeysSelect(t, from, to).SQL(), Op: "labels"}, func(rows driver.Rows) error {
		var k LabelKey
		err := rows.Scan(&k.Key, &k.Prometheus)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// Shapes lists what the series of the days of [from, to] are to those who look at
// few of their labels, each once however many series have it, in no order. Of a row
// only Type, Prometheus and the Labels of these keys are set, and, if resources are
// wanted and none of the labels has a value, the Resource. More than limit of them
// are an error of class Limit; 0 means DefaultSeries.
func (s *Store) Shapes(ctx context.Context, t tenant.ID, from, to time.Time, keys []string, resources bool, limit int) ([]SeriesRow, error) {
	limit = conn.LimitOr(limit, DefaultSeries)
	var rows []SeriesRow
	_, err := s.db.Select(ctx, conn.Query{SQL: shapesSelect(t, from, to, keys, resources, limit+1).SQL(), Op: "labels"}, func(r driver.Rows) error {
		row := SeriesRow{Resource: &resourcestore.Row{}}
		var of, values []string
		if err := r.Scan((*uint8)(&row.Type), &row.Prometheus, &of, &values, &row.Resource.ID); err != nil {
			return fmt.Errorf("series: %w", err)
		}
		row.Labels = make(map[string]string, len(of))
		for i, key := range of {
			row.Labels[key] = values[i]
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(rows) > limit {
		return nil, conn.Over("label values", "max_label_values", limit)
	}
	if !resources {
		return rows, nil
	}
	return rows, s.resolve(ctx, t, from, to, rows)
}

// LabelKeysOf is LabelKeys of series at hand.
func LabelKeysOf(rows []SeriesRow) []LabelKey {
	var keys []LabelKey
	for _, row := range rows {
		for key, v := range row.Labels {
			if v != "" {
				keys = append(keys, LabelKey{key, row.Prometheus})
			}
		}
	}
	return keys
}

// ShapesOf is Shapes of series at hand; of several series of a shape each is listed.
func ShapesOf(rows []SeriesRow, keys []string, resources bool) []SeriesRow {
	out := make([]SeriesRow, len(rows))
	for i, row := range rows {
		out[i] = SeriesRow{Type: row.Type, Prometheus: row.Prometheus, Labels: map[string]string{}, Resource: &resourcestore.Row{}}
		filled := false
		for _, key := range keys {
			if v, ok := row.Labels[key]; ok {
				out[i].Labels[key] = v
				filled = filled || v != ""
			}
		}
		if resources && !filled {
			out[i].Resource = row.Resource
		}
	}
	return out
}

func labelKeysSelect(t tenant.ID, from, to time.Time) chsql.Select {
	keys, _ := labelsThat(chsql.Ne(chsql.Col("v"), chsql.String("")))
	return chsql.Select{
		Distinct: true,
		Columns:  []chsql.Expr{chsql.Func("arrayJoin", keys).As("key"), chsql.Col("prometheus")},
		From:     chsql.Table(series), Where: days(t, from, to),
	}
}

func shapesSelect(t tenant.ID, from, to time.Time, keys []string, resources bool, limit int) chsql.Select {
	none := chsql.Func("emptyArrayString")
	of, values := none, none
	if len(keys) > 0 {
		of, values = labelsThat(chsql.InStrings(chsql.Col("k"), keys))
	}
	resource := chsql.Func("toUInt64", chsql.Uint(0))
	if resources {
		empty := chsql.Func("arrayAll", chsql.Lambda("v", chsql.Eq(chsql.Col("v"), chsql.String(""))), chsql.Col("held"))
		resource = chsql.Func("if", empty, chsql.Col("resource_id"), resource)
	}
	return chsql.Select{
		Distinct: true,
		Columns: []chsql.Expr{chsql.Func("toUInt8", chsql.Col("type")).As("kind"), chsql.Col("prometheus"),
			of.As("of"), values.As("held"), resource.As("resource")},
		From: chsql.Table(series), Where: days(t, from, to), Limit: limit,
	}
}

// labelsThat is the keys and the values of the labels for which a condition on k and
// v holds.
func labelsThat(cond chsql.Expr) (keys, values chsql.Expr) {
	k, v := chsql.Func("mapKeys", chsql.Col("labels")), chsql.Func("mapValues", chsql.Col("labels"))
	keys = chsql.Func("arrayFilter", chsql.Lambda2("k", "v", cond), k, v)
	text := chsql.Func("arrayMap", chsql.Lambda("k", chsql.Func("toString", chsql.Col("k"))), keys)
	return text, chsql.Func("arrayFilter", chsql.Lambda2("v", "k", cond), v, k)
}
