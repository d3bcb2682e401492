package resourcestore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// IDs selects the ids of a tenant's resources seen from one time to another
// that a condition on the table resources holds for.
func IDs(t tenant.ID, from, to time.Time, where chsql.Expr) chsql.Select {
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Col("resource_id")},
		From:    chsql.Table("resources"),
		Where:   append(seen(t, from, to), where),
	}
}

// ScopeIDs is IDs for instrumentation scopes.
func ScopeIDs(t tenant.ID, from, to time.Time, where chsql.Expr) chsql.Select {
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Col("scope_id")},
		From:    chsql.Table("scopes"),
		Where:   append(seen(t, from, to), where),
	}
}

// Seen says which resources names are listed of: those of any signal seen on the days from
// From to To, or those with records of one signal between them.
type Seen struct {
	From, To time.Time
	Signal   Signal
}

// Signal is what a resource has records of, as the table signal_resources calls it.
type Signal string

// The signals. Those of metrics are not noted: series name their resources.
const (
	AnySignal Signal = ""
	Logs      Signal = "logs"
	Traces    Signal = "traces"
)

// What a row of KeysSelect tells of, as in the table's Enum8.
const (
	OfResources = 1
	OfScopes    = 2
)

// KeysSelect selects, as holder and key, the keys of the attributes of resources and scopes
// seen on the days from from to to, each once, at most limit of them.
func KeysSelect(t tenant.ID, from, to time.Time, limit int) chsql.Select {
	return chsql.Select{
		Distinct: true, Columns: []chsql.Expr{chsql.Func("toUInt8", chsql.Col("holder")).As("holder"), chsql.Col("key")},
		From: chsql.Table("resource_keys"), Where: Seen{From: from, To: to}.where(t), Limit: limit,
	}
}

// ScopeKeys lists the keys of the attributes of scopes seen on the days from from
// to to, sorted, at most limit of them (0 means attrcol.DefaultNames).
func (s *Store) ScopeKeys(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (attrcol.Names, error) {
	return s.names(ctx, limit, "scope keys", func(limit int) chsql.Select { return scopeKeysSelect(t, from, to, limit) })
}

func scopeKeysSelect(t tenant.ID, from, to time.Time, limit int) chsql.Select {
	key := chsql.Col("key")
	return chsql.Select{
		Distinct: true, Columns: []chsql.Expr{key}, From: chsql.Table("resource_keys"),
		Where:   append(Seen{From: from, To: to}.where(t), chsql.Eq(chsql.Col("holder"), chsql.String("scope"))),
		OrderBy: []chsql.Order{chsql.Asc(key)}, Limit: limit,
	}
}

// Services lists the names of services, sorted, at most limit of them (0 means
// attrcol.DefaultNames).
func (s *Store) Services(ctx context.Context, t tenant.ID, of Seen, limit int) (attrcol.Names, error) {
	return s.names(ctx, limit, "services", func(limit int) chsql.Select { return servicesSelect(t, of, limit) })
}

// LabelNames lists the keys of attributes, sorted, at most limit of them (0 means
// attrcol.DefaultNames).
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, of Seen, limit int) (attrcol.Names, error) {
	return s.names(ctx, limit, "resource keys", func(limit int) chsql.Select { return labelNamesSelect(t, of, limit) })
}

// LabelValues lists the texts an attribute has, sorted, at most limit of them (0 means
// attrcol.DefaultNames).
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, key string, of Seen, limit int) (attrcol.Names, error) {
	return s.names(ctx, limit, "resource values", func(limit int) chsql.Select { return labelValuesSelect(t, key, of, limit) })
}

func (s *Store) names(ctx context.Context, limit int, op string, sel func(limit int) chsql.Select) (attrcol.Names, error) {
	limit = attrcol.Bound(limit)
	var names attrcol.Names
	var err error
	names.Stats, err = s.db.Select(ctx, conn.Query{SQL: sel(limit + 1).SQL(), Op: op}, func(rows driver.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names.Values = append(names.Values, name)
		return nil
	})
	return attrcol.Merge(names, attrcol.Names{}, limit), err
}

// where is the condition on a table of resources by day. Of any signal it is seen without
// the days more: a listing is of the days asked for.
func (of Seen) where(t tenant.ID) []chsql.Expr {
	if of.Signal != AnySignal {
		return append(seen(t, of.From, of.To), chsql.InSelect(chsql.Col("resource_id"), of.ids(t)))
	}
	return []chsql.Expr{
		chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
		chsql.Ge(chsql.Col("day"), chsql.Date(of.From)),
		chsql.Le(chsql.Col("day"), chsql.Date(of.To)),
	}
}

// ids selects the resources with records of the signal between From and To: on each day the
// first and the last record of one are known, and what is between them is not.
func (of Seen) ids(t tenant.ID) chsql.Select {
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Col("resource_id")},
		From:    chsql.Table("signal_resources"),
		Where: append(slices.Insert(Seen{From: of.From, To: of.To}.where(t), 1, chsql.Eq(chsql.Col("signal"), chsql.String(string(of.Signal)))),
			chsql.Lt(chsql.Col("first"), chsql.Nanoseconds(chsql.UnixNano(of.To))), chsql.Ge(chsql.Col("last"), chsql.Nanoseconds(chsql.UnixNano(of.From)))),
	}
}

func servicesSelect(t tenant.ID, of Seen, limit int) chsql.Select {
	name := chsql.Col("service_name")
	return chsql.Select{Distinct: true, Columns: []chsql.Expr{name}, From: chsql.Table("resources"),
		Where: of.where(t), OrderBy: []chsql.Order{chsql.Asc(name)}, Limit: limit}
}

func labelNamesSelect(t tenant.ID, of Seen, limit int) chsql.Select {
	return chsql.Select{Distinct: true, Columns: []chsql.Expr{attrcol.Keys().As("name")}, From: chsql.Table("resources"),
		Where: of.where(t), OrderBy: []chsql.Order{chsql.Asc(chsql.Col("name"))}, Limit: limit}
}

func labelValuesSelect(t tenant.ID, key string, of Seen, limit int) chsql.Select {
	return chsql.Select{Distinct: true, Columns: []chsql.Expr{attrcol.Text(key).As("value")}, From: chsql.Table("resources"),
		Where: append(of.where(t), attrcol.Present(key)), OrderBy: []chsql.Order{chsql.Asc(chsql.Col("value"))}, Limit: limit}
}
