package resourcestore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Row is a stored resource. It is shared and must not be changed.
type Row struct {
	ID         uint64
	Service    string // service.name or unknown_service
	Namespace  string // service.namespace
	Instance   string // service.instance.id
	Attributes []attribute.KeyValue
	Dropped    uint32
	SchemaURL  string
}

// ScopeRow is a stored instrumentation scope. It is shared and must not be
// changed.
type ScopeRow struct {
	ID            uint64
	Name, Version string
	Attributes    []attribute.KeyValue
	Dropped       uint32
	SchemaURL     string
}

// Store reads resources and scopes. Both are named by a hash of what they
// hold, so a row that was read once is good for ever and kept in a bounded
// cache. Safe for concurrent use.
type Store struct {
	db        *conn.DB
	resources *cache[Row]
	scopes    *cache[ScopeRow]
}

// cached is how many rows of a kind a generation of the cache holds; there are
// two generations.
const cached = 10_000

// New makes a store on a database.
func New(db *conn.DB) *Store {
	return &Store{db: db, resources: newCache[Row](cached), scopes: newCache[ScopeRow](cached)}
}

// Resources finds resources by id among those seen from one time to another;
// ids that were not seen then are looked for at any time. An id that is not
// stored is not in the map.
func (s *Store) Resources(ctx context.Context, t tenant.ID, ids []uint64, from, to time.Time) (map[uint64]*Row, error) {
	return lookup(ctx, s.resources, t, ids, from, to, s.readResources)
}

// Scopes finds scopes by id, as Resources.
func (s *Store) Scopes(ctx context.Context, t tenant.ID, ids []uint64, from, to time.Time) (map[uint64]*ScopeRow, error) {
	return lookup(ctx, s.scopes, t, ids, from, to, s.readScopes)
}

// lookup answers from the cache and reads the rest, first from the partitions
// of the days, then, for ids that are still missing, from all.
func lookup[T any](ctx context.Context, c *cache[T], t tenant.ID, ids []uint64, from, to time.Time,
	read func(ctx context.Context, where []chsql.Expr, ids []uint64, found map[uint64]*T) error) (map[uint64]*T, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := make(map[uint64]*T, len(ids))
	missing := c.get(t, ids, found)
	for _, where := range [][]chsql.Expr{seen(t, from, to), {chsql.Eq(chsql.Col("tenant"), chsql.String(string(t)))}} {
		if len(missing) == 0 {
			break
		}
		fresh := make(map[uint64]*T, len(missing))
		if err := read(ctx, where, missing, fresh); err != nil {
			return nil, err
		}
		c.add(t, fresh)
		for id, row := range fresh {
			found[id] = row
		}
		missing = slices.DeleteFunc(missing, func(id uint64) bool { return found[id] != nil })
	}
	return found, nil
}

// seen is the condition for a tenant's rows of the days from from to to, and a
// day more on each side: a batch that lasts over midnight may have one day.
func seen(t tenant.ID, from, to time.Time) []chsql.Expr {
	return []chsql.Expr{
		chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
		chsql.Ge(chsql.Col("day"), chsql.Date(from.AddDate(0, 0, -1))),
		chsql.Le(chsql.Col("day"), chsql.Date(to.AddDate(0, 0, 1))),
	}
}

// byID selects the first row of each id in the parameter ids.
func byID(table chsql.Source, id chsql.Expr, columns []chsql.Expr, where []chsql.Expr) chsql.Select {
	return chsql.Select{
		Columns: slices.Concat([]chsql.Expr{id}, columns, attrcol.Columns()),
		From:    table,
		Where:   append(slices.Clone(where), chsql.InParam(id, chsql.Param("ids", "Array(UInt64)"))),
		LimitBy: []chsql.Expr{id},
	}
}

func resourceSelect(where []chsql.Expr) chsql.Select {
	return byID(chsql.Table("resources"), chsql.Col("resource_id"), []chsql.Expr{
		chsql.Col("service_name"), chsql.Col("service_namespace"), chsql.Col("service_instance_id"),
		chsql.Col("dropped_attributes_count"), chsql.Col("schema_url"),
	}, where)
}

func (s *Store) readResources(ctx context.Context, where []chsql.Expr, ids []uint64, found map[uint64]*Row) error {
	var a attrcol.Row
	q := conn.Query{SQL: resourceSelect(where).SQL(), Params: map[string]string{"ids": IDList(ids)}, Settings: attrcol.Settings(), Op: "resources"}
	_, err := s.db.Select(ctx, q, func(rows driver.Rows) (err error) {
		r := &Row{}
		if err := rows.Scan(&r.ID, &r.Service, &r.Namespace, &r.Instance, &r.Dropped, &r.SchemaURL, a.Attributes(), a.Other()); err != nil {
			return fmt.Errorf("resources: %w", err)
		}
		if r.Attributes, err = a.KeyValues(); err != nil {
			return fmt.Errorf("resources: %d: %w", r.ID, err)
		}
		found[r.ID] = r
		return nil
	})
	return err
}

func scopeSelect(where []chsql.Expr) chsql.Select {
	return byID(chsql.Table("scopes"), chsql.Col("scope_id"), []chsql.Expr{
		chsql.Col("name"), chsql.Col("version"), chsql.Col("dropped_attributes_count"), chsql.Col("schema_url"),
	}, where)
}

func (s *Store) readScopes(ctx context.Context, where []chsql.Expr, ids []uint64, found map[uint64]*ScopeRow) error {
	var a attrcol.Row
	q := conn.Query{SQL: scopeSelect(where).SQL(), Params: map[string]string{"ids": IDList(ids)}, Settings: attrcol.Settings(), Op: "scopes"}
	_, err := s.db.Select(ctx, q, func(rows driver.Rows) (err error) {
		r := &ScopeRow{}
		if err := rows.Scan(&r.ID, &r.Name, &r.Version, &r.Dropped, &r.SchemaURL, a.Attributes(), a.Other()); err != nil {
			return fmt.Errorf("scopes: %w", err)
		}
		if r.Attributes, err = a.KeyValues(); err != nil {
			return fmt.Errorf("scopes: %d: %w", r.ID, err)
		}
		found[r.ID] = r
		return nil
	})
	return err
}

// IDList is a parameter of type Array(UInt64).
func IDList(ids []uint64) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(id, 10))
	}
	b.WriteByte(']')
	return b.String()
}
