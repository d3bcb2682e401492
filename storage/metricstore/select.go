package metricstore

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tables as words of SQL.
const (
	series    = "series"
	exemplars = "exemplars"
)

// Selector says which series are wanted.
type Selector struct {
	// Names are metric names in either spelling, as sent or as Prometheus has
	// them (without _bucket, _sum and _count of histograms). None means any.
	Names []string
	// NameRegexp is an RE2 expression, anchored at both ends, that one of a
	// series' two names must match; "" is no condition.
	NameRegexp string
	// Matchers narrow the selection down by labels: point attributes and
	// resource attributes in either spelling of their keys, job and instance.
	// Which of them becomes the label of that name is for the reader to say, so
	// a series is listed when any of them matches, and matchers that an absent
	// label matches, or that compare numbers, are left to the reader: there may
	// be more series than match, never fewer. Scope is not looked at.
	Matchers []attrcol.Matcher
	// Fingerprints, if there are any, are the only series wanted.
	Fingerprints []uint64
	// Limit is the most series wanted; 0 means DefaultSeries.
	Limit int
}

// SeriesRow is a stored series. Labels and Resource are shared: not to be
// changed.
type SeriesRow struct {
	Fingerprint       uint64
	Name, PromName    string
	Type              Type
	Temporality       Temporality
	Monotonic         bool
	Unit, Description string
	Labels            map[string]string  // point attributes as text under the names sent; quantile of summaries
	Resource          *resourcestore.Row // never nil
	ScopeID           uint64
	// Prometheus says that the series came from Prometheus: its names are shown
	// exactly as they are, and its histograms are native ones.
	Prometheus bool

	attributes string
}

// Attributes are the point attributes, typed.
func (r *SeriesRow) Attributes() ([]attribute.KeyValue, error) {
	kvs, err := attribute.ParseJSON(r.attributes)
	if err != nil {
		return nil, fmt.Errorf("series %d: %w", r.Fingerprint, err)
	}
	return kvs, nil
}

// Series lists the series that have rows on the days of [from, to], by
// fingerprint. More than sel.Limit of them are an error of class Limit.
func (s *Store) Series(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector) ([]SeriesRow, error) {
	limit := conn.LimitOr(sel.Limit, DefaultSeries)
	where, err := sel.conditions(t, from, to)
	if err != nil {
		return nil, err
	}
	rows, err := s.readSeries(ctx, conn.Query{SQL: seriesSelect(where, limit+1).SQL(), Params: sel.params(), Op: "series"})
	if err != nil {
		return nil, err
	}
	if len(rows) > limit {
		return nil, conn.Over("series", "max_series", limit)
	}
	return rows, s.resolve(ctx, t, from, to, rows)
}

func seriesSelect(where []chsql.Expr, limit int) chsql.Select {
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Col("fingerprint"), chsql.Col("metric_name"), chsql.Col("prom_name"),
			chsql.Func("toUInt8", chsql.Col("type")), chsql.Func("toUInt8", chsql.Col("temporality")), chsql.Col("monotonic"),
			chsql.Col("unit"), chsql.Col("description"), chsql.Col("labels"), chsql.Col("attributes"),
			chsql.Col("resource_id"), chsql.Col("scope_id"), chsql.Col("prometheus"),
		},
		From:    chsql.Table(series),
		Where:   where,
		OrderBy: []chsql.Order{chsql.Desc(chsql.Col("observed")), chsql.Desc(chsql.Col("day"))}, // what was last said of it
		LimitBy: []chsql.Expr{chsql.Col("fingerprint")},
		Limit:   limit,
	}
}

func (s *Store) readSeries(ctx context.Context, q conn.Query) ([]SeriesRow, error) {
	var list []SeriesRow
	_, err := s.db.Select(ctx, q, func(rows driver.Rows) error {
		r := SeriesRow{Resource: &resourcestore.Row{}}
		err := rows.Scan(&r.Fingerprint, &r.Name, &r.PromName, (*uint8)(&r.Type), (*uint8)(&r.Temporality), &r.Monotonic,
			&r.Unit, &r.Description, &r.Labels, &r.attributes, &r.Resource.ID, &r.ScopeID, &r.Prometheus)
		if err != nil {
			return fmt.Errorf("series: %w", err)
		}
		list = append(list, r)
		return nil
	})
	slices.SortFunc(list, func(a, b SeriesRow) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return list, err
}

// resolve gives the series their resources. One that is not stored stays empty
// but for the id.
func (s *Store) resolve(ctx context.Context, t tenant.ID, from, to time.Time, rows []SeriesRow) error {
	var ids []uint64
	for i := range rows {
		if id := rows[i].Resource.ID; id != 0 { // what Prometheus sent has none
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	resources, err := s.resources.Resources(ctx, t, ids, from, to)
	if err != nil {
		return err
	}
	for i := range rows {
		if found := resources[rows[i].Resource.ID]; found != nil {
			rows[i].Resource = found
		}
	}
	return nil
}

// conditions are the selector's on the table series.
func (sel *Selector) conditions(t tenant.ID, from, to time.Time) ([]chsql.Expr, error) {
	where := append(days(t, from, to), sel.named()...)
	if len(sel.Fingerprints) > 0 {
		where = append(where, chsql.InParam(chsql.Col("fingerprint"), chsql.Param("fingerprints", "Array(UInt64)")))
	}
	if sel.NameRegexp != "" {
		if _, err := regexp.Compile(sel.NameRegexp); err != nil {
			return nil, &attrcol.MatcherError{Matcher: attrcol.Matcher{Key: "__name__", Op: attrcol.Regexp, Value: sel.NameRegexp}, Err: err}
		}
		pattern := chsql.String(attrcol.Anchored(sel.NameRegexp))
		where = append(where, chsql.Or(chsql.Func("match", chsql.Col("metric_name"), pattern), chsql.Func("match", chsql.Col("prom_name"), pattern)))
	}
	for _, m := range sel.Matchers {
		cond, ok, err := labelCondition(t, from, to, m)
		if err != nil {
			return nil, err
		}
		if ok {
			where = append(where, cond)
		}
	}
	return where, nil
}

// params are what conditions refers to.
func (sel *Selector) params() map[string]string {
	if len(sel.Fingerprints) == 0 {
		return nil
	}
	return map[string]string{"fingerprints": resourcestore.IDList(sel.Fingerprints)}
}

// named is the condition for the selector's names.
func (sel *Selector) named() []chsql.Expr {
	if len(sel.Names) == 0 {
		return nil
	}
	return []chsql.Expr{chsql.Or(chsql.InStrings(chsql.Col("metric_name"), sel.Names), chsql.InStrings(chsql.Col("prom_name"), sel.Names))}
}
