package logstore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// ends are the ends of a range that no record lies beyond, of any tenant, and whether there
// are records of one tenant only. There no record's time or tenant need be compared, which is
// half of what it costs to count those that have a value.
type ends struct{ before, behind, alone bool }

// within are the ends that are also those of o.
func (e ends) within(o ends) bool {
	return (!e.before || o.before) && (!e.behind || o.behind) && (!e.alone || o.alone)
}

// times are the conditions of a time in [from, to) that are left.
func (e ends) times(from, to int64) []chsql.Expr {
	conds := during(from, to)
	if e.behind {
		conds = conds[:1]
	}
	if e.before {
		conds = conds[1:]
	}
	return conds
}

// ends asks for the first and the last time and tenant, which the server knows of each part
// without reading it.
func (s *Store) ends(ctx context.Context, t tenant.ID, f Filter) (e ends, stats conn.Stats, err error) {
	stats, err = s.db.Select(ctx, conn.Query{SQL: endsSelect().SQL(), Op: "log times"}, func(rows driver.Rows) error {
		var first, last int64
		var least, most string
		if err := rows.Scan(&first, &last, &least, &most); err != nil {
			return err
		}
		e = ends{before: first >= chsql.UnixNano(f.From), behind: last < chsql.UnixNano(f.To), alone: least == string(t) && most == string(t)}
		return nil
	})
	return e, stats, err
}

func endsSelect() chsql.Select {
	at, of := chsql.Col("time"), chsql.Col("tenant")
	first, last := chsql.Func("min", at), chsql.Func("max", at)
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toUnixTimestamp64Nano", first), chsql.Func("toUnixTimestamp64Nano", last),
			chsql.Func("toString", chsql.Func("min", of)), chsql.Func("toString", chsql.Func("max", of))},
		From:     chsql.Table(table),
		Settings: []chsql.Setting{{Name: "max_threads", Value: 1}}, // 2 ms instead of 4
	}
}
