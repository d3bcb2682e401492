package attrcol

import (
	"context"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Sample is the newest records of a tenant in a time range, from which the
// attributes in use are listed: all of them would be more than a listing may
// read. From and To are Unix nanoseconds, To is exclusive.
type Sample struct {
	Table    Table
	Tenant   tenant.ID
	From, To int64
}

// Table is a table of records with attributes and a time.
type Table struct {
	Source chsql.Source
	During func(from, to int64) []chsql.Expr // the conditions of a time in [from, to), Unix ns
}

// enough is the number of records after which a sample is not widened.
const enough = 50_000

// widths are tried until a sample has enough records.
var widths = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, math.MaxInt64}

// Keys lists the keys of the sample's attributes.
func (s Sample) Keys(ctx context.Context, db *conn.DB, limit int) (Names, error) {
	return s.list(ctx, db, limit, func(where []chsql.Expr) chsql.Select {
		return chsql.Select{Distinct: true, Columns: []chsql.Expr{Keys().As("name")}, From: s.Table.Source, Where: where}
	})
}

// Values lists the texts of an attribute in the sample.
func (s Sample) Values(ctx context.Context, db *conn.DB, key string, limit int) (Names, error) {
	return s.list(ctx, db, limit, func(where []chsql.Expr) chsql.Select {
		return chsql.Select{Distinct: true, Columns: []chsql.Expr{Text(key).As("name")}, From: s.Table.Source, Where: append(where, Present(key))}
	})
}

func (s Sample) list(ctx context.Context, db *conn.DB, limit int, of func(where []chsql.Expr) chsql.Select) (Names, error) {
	var names Names
	from, stats, err := s.since(ctx, db)
	if err != nil {
		return Names{}, err
	}
	sel := of(s.where(from))
	sel.OrderBy, sel.Limit = []chsql.Order{chsql.Asc(chsql.Col("name"))}, limit+1
	names.Stats, err = db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "attributes"}, func(rows driver.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names.Values = append(names.Values, name)
		return nil
	})
	names.Truncated = from > s.From
	return Merge(names, Names{Stats: stats}, limit), err
}

// since is where the sample begins. Counting reads no more than the time.
func (s Sample) since(ctx context.Context, db *conn.DB) (from int64, stats conn.Stats, err error) {
	for _, w := range widths {
		if s.To <= s.From || uint64(s.To)-uint64(s.From) <= uint64(w) {
			break
		}
		from := s.To - int64(w)
		var n uint64
		sel := chsql.Select{Columns: []chsql.Expr{chsql.Func("count")}, From: s.Table.Source, Where: s.where(from)}
		cost, err := db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "attributes"}, func(rows driver.Rows) error { return rows.Scan(&n) })
		stats.Add(cost)
		if err != nil || n >= enough {
			return from, stats, err
		}
	}
	return s.From, stats, nil
}

func (s Sample) where(from int64) []chsql.Expr {
	return append([]chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(s.Tenant)))}, s.Table.During(from, s.To)...)
}
