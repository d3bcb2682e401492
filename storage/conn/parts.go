package conn

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Parts is how many pieces the tables of our database are in.
type Parts struct {
	Active uint64 // all of them
	Most   uint64 // in one partition of one table; ClickHouse refuses inserts beyond some thousands
}

const partsSQL = `SELECT sum(n), max(n)
FROM (SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table, partition_id)`

// Parts asks the server for its parts.
func (db *DB) Parts(ctx context.Context) (p Parts, err error) {
	_, err = db.Select(ctx, Query{SQL: partsSQL, Op: "parts", Admin: true}, func(rows driver.Rows) error {
		return rows.Scan(&p.Active, &p.Most)
	})
	return p, err
}
