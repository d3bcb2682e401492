package logstore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// ends are the ends of a range that no record lies beyond, of any tenant. There no record's
// time need be compared, which is a third of what it costs to count those that have a value.
type ends struct{ before, behind bool }

// within are the ends that are also those of o.
func (e ends) within(o ends) bool { return (!e.before || o.before) && (!e.behind || o.behind) }

// conditions are those of a time in [from, to) that are left.
func (e ends) conditions(from, to int64) []chsql.Expr {
	conds := during(from, to)
	if e.behind {
		conds = conds[:1]
	}
	if e.before {
		conds = conds[1:]
	}
	return conds
}

// ends asks for the time of the first and the last record, which the server knows of each
// part without reading it.
func (s *Store) ends(ctx context.Context, f Filter) (e ends, stats conn.Stats, err error) {
	stats, err = s.db.Select(ctx, conn.Query{SQL: endsSelect().SQL(), Op: "log times"}, func(rows driver.Rows) error {
		var first, last int64
		if err := rows.Scan(&first, &last); err != nil {
			return err
		}
		e = ends{before: first >= chsql.UnixNano(f.From), behind: last < chsql.UnixNano(f.To)}
		return nil
	})
	return e, stats, err
}

func endsSelect() chsql.Select {
	first, last := chsql.Func("min", chsql.Col("time")), chsql.Func("max", chsql.Col("time"))
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toUnixTimestamp64Nano", first), chsql.Func("toUnixTimestamp64Nano", last)}, From: chsql.Table(table),
		Settings: []chsql.Setting{{Name: "max_threads", Value: 1}}, // 2 ms instead of 4
	}
}
