package metricstore

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Defaults of limits that are given as 0. What is over a limit is a
// *conn.Error of class Limit that names it (max_series, max_metrics, ...),
// never a shorter answer, unless the answer has a field that says so.
const (
	DefaultSeries    = 50_000
	DefaultExemplars = 1_000
	DefaultNames     = 10_000
)

// points reads the points of series.
type points = samplestore.Store

// Store reads metrics: series, and their points as a samplestore.Store does. Safe
// for concurrent use.
type Store struct {
	*points
	db        *conn.DB
	resources *resourcestore.Store
}

// New makes a store on a database. Resources are read through resources, so
// that its cache serves all stores.
func New(db *conn.DB, resources *resourcestore.Store) *Store {
	return &Store{points: samplestore.New(db), db: db, resources: resources}
}

// Points is what the points are read with.
func (s *Store) Points() *samplestore.Store { return s.points }

// days is the condition for a tenant's series of the days from from to to.
func days(t tenant.ID, from, to time.Time) []chsql.Expr {
	return []chsql.Expr{
		chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
		chsql.Ge(chsql.Col("day"), chsql.Date(from)),
		chsql.Le(chsql.Col("day"), chsql.Date(to)),
	}
}

// Metadata is what is known of one metric.
type Metadata struct {
	Name, PromName    string
	Type              Type
	Temporality       Temporality
	Monotonic         bool
	Unit, Description string // the description last sent
	Prometheus        bool   // as in SeriesRow
}

// Metadata lists metrics seen on the days of [from, to], those of a name in
// either spelling or, with "", all, sorted by name, at most limit of them (0
// means DefaultNames).
func (s *Store) Metadata(ctx context.Context, t tenant.ID, from, to time.Time, name string, limit int) ([]Metadata, error) {
	limit = conn.LimitOr(limit, DefaultNames)
	var list []Metadata
	_, err := s.db.Select(ctx, conn.Query{SQL: metadataSelect(t, from, to, name, limit+1).SQL(), Op: "metadata"}, func(rows driver.Rows) error {
		var m Metadata
		err := rows.Scan(&m.Name, &m.PromName, (*uint8)(&m.Type), (*uint8)(&m.Temporality), &m.Monotonic, &m.Unit, &m.Prometheus, &m.Description)
		if list = append(list, m); err == nil && len(list) > limit {
			return conn.Over("metadata", "max_metrics", limit)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func metadataSelect(t tenant.ID, from, to time.Time, name string, limit int) chsql.Select {
	sel := Selector{}
	if name != "" {
		sel.Names = []string{name}
	}
	by := []chsql.Expr{chsql.Col("metric_name"), chsql.Col("prom_name"), chsql.Func("toUInt8", chsql.Col("type")),
		chsql.Func("toUInt8", chsql.Col("temporality")), chsql.Col("monotonic"), chsql.Col("unit"), chsql.Col("prometheus")}
	return chsql.Select{
		Columns: append(by[:len(by):len(by)], chsql.Func("argMax", chsql.Col("description"), chsql.Func("tuple", chsql.Col("observed"), chsql.Col("day")))),
		From:    chsql.Table(series),
		Where:   append(days(t, from, to), sel.named()...),
		GroupBy: by,
		OrderBy: []chsql.Order{chsql.Asc(by[0]), chsql.Asc(by[1]), chsql.Asc(by[2]), chsql.Asc(by[3])},
		Limit:   limit,
	}
}

// Names is a bounded list of names or values, sorted.
type Names = attrcol.Names

// LabelNames lists the keys of point attributes, under the names sent, of the
// series of a selector on the days of [from, to], at most sel.Limit of them
// (0 means DefaultNames). Matchers are applied as Series applies them.
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector) (Names, error) {
	return s.names(ctx, t, from, to, sel, chsql.Func("arrayJoin", chsql.Func("mapKeys", chsql.Col("labels"))))
}

// LabelValues lists the values of a point attribute, in either spelling of its
// key, among the series of a selector on the days of [from, to], at most
// sel.Limit of them (0 means DefaultNames). Matchers are applied as Series
// applies them.
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, label string, from, to time.Time, sel Selector) (Names, error) {
	named := chsql.Lambda2("v", "k", isSpelling(chsql.Col("k"), label))
	values := chsql.Func("arrayFilter", named, chsql.Func("mapValues", chsql.Col("labels")), chsql.Func("mapKeys", chsql.Col("labels")))
	return s.names(ctx, t, from, to, sel, chsql.Func("arrayJoin", values))
}

func (s *Store) names(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector, name chsql.Expr) (Names, error) {
	limit := conn.LimitOr(sel.Limit, DefaultNames)
	where, err := sel.conditions(t, from, to)
	if err != nil {
		return Names{}, err
	}
	q := chsql.Select{Distinct: true, Columns: []chsql.Expr{name.As("name")}, From: chsql.Table(series), Where: where,
		OrderBy: []chsql.Order{chsql.Asc(chsql.Col("name"))}, Limit: limit + 1}
	var names Names
	names.Stats, err = s.db.Select(ctx, conn.Query{SQL: q.SQL(), Params: sel.params(), Op: "labels"}, func(rows driver.Rows) error {
		var name string
		err := rows.Scan(&name)
		names.Values = append(names.Values, name)
		return err
	})
	return attrcol.Merge(names, Names{}, limit), err
}
