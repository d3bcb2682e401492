package conn

import (
	"context"
	"hash/maphash"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Contents tells what tables partitioned by day hold at a moment: a number for each
// table and day that is another one as soon as anything is inserted, merged,
// changed or dropped. A day without rows has none.
type Contents map[Day]uint64

// Day is a day of a table, counted from 1970.
type Day struct {
	Table string
	Day   uint32
}

const contentsSQL = `SELECT table, name, rows, bytes_on_disk AS bytes, toUnixTimestamp(modification_time) AS modified
FROM system.parts WHERE database = currentDatabase() AND active AND table IN ({tables:Array(String)})
  AND partition_id >= {from:String} AND partition_id < {to:String}`

// Contents asks the server which parts tables have on the days of [from,to]; a read
// that follows sees these, or more. It is empty, and nothing to remember anything
// by, where tables are spread over servers or the server does not tell.
func (db *DB) Contents(ctx context.Context, tables []string, from, to time.Time) Contents {
	if db.secretive.Load() {
		return nil
	}
	const format = "20060102"
	var (
		table, name proto.ColStr
		rows, bytes proto.ColUInt64
		modified    proto.ColUInt32
		out         = Contents{}
		h           maphash.Hash
	)
	h.SetSeed(db.seed)
	_, err := db.Columns(ctx, Query{SQL: contentsSQL, Op: "contents", Admin: true, Params: map[string]string{
		"tables": "['" + strings.Join(tables, "','") + "']",
		"from":   from.UTC().Format(format), "to": to.UTC().AddDate(0, 0, 1).Format(format),
	}}, proto.Results{
		{Name: "table", Data: &table}, {Name: "name", Data: &name}, {Name: "rows", Data: &rows},
		{Name: "bytes", Data: &bytes}, {Name: "modified", Data: &modified},
	}, func() error {
		for i := range rows {
			part := name.Row(i)
			day, err := time.Parse(format, part[:min(len(part), len(format))])
			if err != nil {
				continue // not partitioned by day
			}
			h.Reset()
			h.WriteString(part)
			maphash.WriteComparable(&h, [3]uint64{rows[i], bytes[i], uint64(modified[i])})
			out[Day{table.Row(i), uint32(day.Unix() / 86_400)}] += h.Sum64()
		}
		return nil
	})
	switch {
	case err != nil:
		db.secretive.Store(ClassOf(err) == Rejected)
		return nil
	case len(out) == 0:
		_, err = db.Select(ctx, Query{SQL: spreadSQL, Op: "contents", Admin: true, Params: map[string]string{"table": tables[0]}}, func(driver.Rows) error {
			db.secretive.Store(true)
			return nil
		})
		if ClassOf(err) == Rejected {
			db.secretive.Store(true)
		}
	}
	return out
}

// spreadSQL has a row if a table's rows are at other servers too.
const spreadSQL = `SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {table:String} AND engine = 'Distributed'`
