package metricstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// NameCount is how many of something a name has.
type NameCount struct {
	Name  string
	Count uint64
}

// DayCount is how many series a day had, and how many of them no earlier day
// of the range had.
type DayCount struct {
	Day         time.Time
	Series, New uint64
}

// Cardinality is where a tenant's series are. A histogram is one series here,
// however many PromQL sees. Lists are sorted by count, the largest first, and
// labels have the names they were sent with. What resources give a series
// counts as the labels job, instance and service.name.
type Cardinality struct {
	Series, LabelPairs uint64
	Days               []DayCount  // the days that have series, in order
	ByMetric           []NameCount // series, by Prometheus name
	ValuesByLabel      []NameCount // distinct values
	BytesByLabel       []NameCount // of the distinct values
	ByLabelPair        []NameCount // series, by label=value
}

// maxResources bounds the resources whose series are counted one by one.
const maxResources = 10_000

// Cardinality counts the series of the days of [from, to]; limit bounds each
// list, 0 means 10.
func (s *Store) Cardinality(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (Cardinality, error) {
	limit = conn.LimitOr(limit, 10)
	c := Cardinality{}
	var err error
	read := func(into *[]NameCount, q chsql.Select) {
		if err == nil {
			*into, err = s.counts(ctx, q)
		}
	}
	total := func(into *uint64, q chsql.Select) {
		if err == nil {
			*into, err = s.number(ctx, q)
		}
	}
	total(&c.Series, seriesTotal(t, from, to))
	total(&c.LabelPairs, pairTotal(t, from, to))
	read(&c.ByMetric, seriesByMetric(t, from, to, limit))
	read(&c.ValuesByLabel, labelSizes(t, from, to, chsql.Func("count"), limit))
	read(&c.BytesByLabel, labelSizes(t, from, to, chsql.Func("sum", chsql.Func("length", chsql.Col("v"))), limit))
	read(&c.ByLabelPair, seriesByPair(t, from, to, limit))
	if err != nil {
		return Cardinality{}, err
	}
	if err := s.ofResources(ctx, t, from, to, &c); err != nil {
		return Cardinality{}, err
	}
	for _, list := range []*[]NameCount{&c.ByMetric, &c.ValuesByLabel, &c.BytesByLabel, &c.ByLabelPair} {
		slices.SortFunc(*list, func(a, b NameCount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
		*list = (*list)[:min(len(*list), limit)]
	}
	c.Days, err = s.churn(ctx, t, from, to)
	return c, err
}

func (s *Store) counts(ctx context.Context, q chsql.Select) ([]NameCount, error) {
	var list []NameCount
	_, err := s.db.Select(ctx, conn.Query{SQL: q.SQL(), Op: "cardinality"}, func(rows driver.Rows) error {
		var n NameCount
		err := rows.Scan(&n.Name, &n.Count)
		list = append(list, n)
		return err
	})
	return list, err
}

func (s *Store) number(ctx context.Context, q chsql.Select) (n uint64, err error) {
	_, err = s.db.Select(ctx, conn.Query{SQL: q.SQL(), Op: "cardinality"}, func(rows driver.Rows) error { return rows.Scan(&n) })
	return n, err
}

// ofResources adds the labels that come from resources.
func (s *Store) ofResources(ctx context.Context, t tenant.ID, from, to time.Time, c *Cardinality) error {
	byResource := map[uint64]uint64{}
	var ids []uint64
	_, err := s.db.Select(ctx, conn.Query{SQL: seriesByResource(t, from, to).SQL(), Op: "cardinality"}, func(rows driver.Rows) error {
		var id, n uint64
		err := rows.Scan(&id, &n)
		byResource[id] = n
		ids = append(ids, id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	resources, err := s.resources.Resources(ctx, t, ids, from, to)
	if err != nil {
		return err
	}
	type pair struct{ label, value string }
	pairs := map[pair]uint64{}
	for id, n := range byResource {
		r := resources[id]
		if r == nil {
			continue
		}
		job := r.Service
		if r.Namespace != "" && r.Service != "" {
			job = r.Namespace + "/" + r.Service
		}
		for _, p := range []pair{{"job", job}, {"instance", r.Instance}, {"service.name", r.Service}} {
			if p.value != "" {
				pairs[p] += n
			}
		}
	}
	values, bytes := map[string]uint64{}, map[string]uint64{}
	for p, n := range pairs {
		values[p.label]++
		bytes[p.label] += uint64(len(p.value))
		c.ByLabelPair = append(c.ByLabelPair, NameCount{p.label + "=" + p.value, n})
	}
	for label, n := range values {
		c.ValuesByLabel = append(c.ValuesByLabel, NameCount{label, n})
		c.BytesByLabel = append(c.BytesByLabel, NameCount{label, bytes[label]})
	}
	c.LabelPairs += uint64(len(pairs))
	return nil
}

func (s *Store) churn(ctx context.Context, t tenant.ID, from, to time.Time) ([]DayCount, error) {
	var days []DayCount
	_, err := s.db.Select(ctx, conn.Query{SQL: churnSelect(t, from, to).SQL(), Op: "cardinality"}, func(rows driver.Rows) error {
		var d DayCount
		if err := rows.Scan(&d.Day, &d.Series, &d.New); err != nil {
			return fmt.Errorf("churn: %w", err)
		}
		days = append(days, d)
		return nil
	})
	return days, err
}

var (
	distinctSeries = chsql.Func("uniqExact", chsql.Col("fingerprint"))
	count          = chsql.Col("n")
	largest        = []chsql.Order{chsql.Desc(count), chsql.Asc(chsql.Col("name"))}
)

// pairs lists the labels of the series of some days, a row each.
func pairs(t tenant.ID, from, to time.Time) chsql.Source {
	labels := chsql.Func("arrayZip", chsql.Func("mapKeys", chsql.Col("labels")), chsql.Func("mapValues", chsql.Col("labels")))
	return chsql.Sub(chsql.Select{
		Columns: []chsql.Expr{chsql.Col("fingerprint"), chsql.Func("arrayJoin", labels).As("pair"),
			chsql.Func("tupleElement", chsql.Col("pair"), chsql.Uint(1)).As("k"), chsql.Func("tupleElement", chsql.Col("pair"), chsql.Uint(2)).As("v")},
		From: chsql.Table(series), Where: days(t, from, to),
	})
}

func distinctPairs(t tenant.ID, from, to time.Time) chsql.Source {
	return chsql.Sub(chsql.Select{Distinct: true, Columns: []chsql.Expr{chsql.Col("k"), chsql.Col("v")}, From: pairs(t, from, to)})
}

func seriesTotal(t tenant.ID, from, to time.Time) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{distinctSeries}, From: chsql.Table(series), Where: days(t, from, to)}
}

func pairTotal(t tenant.ID, from, to time.Time) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Func("count")}, From: distinctPairs(t, from, to)}
}

func seriesByMetric(t tenant.ID, from, to time.Time, limit int) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Col("prom_name").As("name"), distinctSeries.As("n")}, From: chsql.Table(series),
		Where: days(t, from, to), GroupBy: []chsql.Expr{chsql.Col("name")}, OrderBy: largest, Limit: limit}
}

func labelSizes(t tenant.ID, from, to time.Time, size chsql.Expr, limit int) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Func("toString", chsql.Col("k")).As("name"), size.As("n")}, From: distinctPairs(t, from, to),
		GroupBy: []chsql.Expr{chsql.Col("name")}, OrderBy: largest, Limit: limit}
}

func seriesByPair(t tenant.ID, from, to time.Time, limit int) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Func("concat", chsql.Col("k"), chsql.String("="), chsql.Col("v")).As("name"), distinctSeries.As("n")},
		From: pairs(t, from, to), GroupBy: []chsql.Expr{chsql.Col("name")}, OrderBy: largest, Limit: limit}
}

func seriesByResource(t tenant.ID, from, to time.Time) chsql.Select {
	return chsql.Select{Columns: []chsql.Expr{chsql.Col("resource_id"), distinctSeries.As("n")}, From: chsql.Table(series),
		Where: days(t, from, to), GroupBy: []chsql.Expr{chsql.Col("resource_id")},
		OrderBy: []chsql.Order{chsql.Desc(count), chsql.Asc(chsql.Col("resource_id"))}, Limit: maxResources}
}

func churnSelect(t tenant.ID, from, to time.Time) chsql.Select {
	first := chsql.Select{Columns: []chsql.Expr{chsql.Col("fingerprint"), chsql.Func("groupUniqArray", chsql.Col("day")).As("seen"), chsql.Func("min", chsql.Col("day")).As("first")},
		From: chsql.Table(series), Where: days(t, from, to), GroupBy: []chsql.Expr{chsql.Col("fingerprint")}}
	perDay := chsql.Select{Columns: []chsql.Expr{chsql.Func("arrayJoin", chsql.Col("seen")).As("on"), chsql.Col("first")}, From: chsql.Sub(first)}
	on := chsql.Col("on")
	return chsql.Select{Columns: []chsql.Expr{on, chsql.Func("count"), chsql.Func("countIf", chsql.Eq(on, chsql.Col("first")))},
		From: chsql.Sub(perDay), GroupBy: []chsql.Expr{on}, OrderBy: []chsql.Order{chsql.Asc(on)}}
}
