package chaos

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
	"github.com/trefoil-o11y/trefoil/storage/enginelib"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// count opens the data of a stopped server with an engine of our own and counts
// every record's copies. The API would not do: reading metrics drops what is
// there twice.
func count(t *testing.T, s *server) (found stored) {
	t.Helper()
	if rest, _ := filepath.Glob(filepath.Join(s.dataDir, "wal", "quarantine", "*")); len(rest) > 0 {
		t.Errorf("the log set something aside: %v", rest)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	library, err := enginelib.Locate(os.Getenv("TREFOIL_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Start(ctx, engine.Config{DataDir: filepath.Join(s.dataDir, "engine"), Library: library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return storagetest.Addr(e.Endpoint()) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for sig := range signals {
		found.copies[sig] = map[uint64]uint64{}
		query(ctx, t, db, copiesSQL[sig], func(rows driver.Rows) error {
			var id, n uint64
			err := rows.Scan(&id, &n)
			found.copies[sig][id] = n
			return err
		})
		query(ctx, t, db, danglingSQL[sig], func(rows driver.Rows) error { return rows.Scan(&found.dangling[sig]) })
	}
	return found
}

func query(ctx context.Context, t *testing.T, db *conn.DB, sql string, scan func(driver.Rows) error) {
	t.Helper()
	if _, err := db.Select(ctx, conn.Query{SQL: sql, Admin: true}, scan); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// copiesSQL yields (ID, number of copies). Two batches of points of one series
// and hour may be one row, whose arrays then have both.
var copiesSQL = [signals]string{
	logs: `SELECT assumeNotNull(id), count() FROM (SELECT coalesce(toUInt64(attributes.chaosid.:Int64), toUInt64OrNull(attributes.chaosid.:String)) AS id FROM logs)
WHERE isNotNull(id) GROUP BY 1`, // Loki push has text only
	spans: `SELECT toUInt64(assumeNotNull(attributes.chaosid.:Int64)), count() FROM spans WHERE isNotNull(attributes.chaosid.:Int64) GROUP BY 1`,
	gauges: `SELECT id, sum(length(ts)) FROM samples
INNER JOIN (SELECT DISTINCT fingerprint, toUInt64(labels['chaosid']) AS id FROM series WHERE metric_name = 'chaos.level') AS s USING (fingerprint) GROUP BY id`,
	histograms: `SELECT id, count() FROM histograms
INNER JOIN (SELECT DISTINCT fingerprint, toUInt64(labels['chaosid']) AS id FROM series WHERE metric_name = 'chaos.latency') AS s USING (fingerprint) GROUP BY id`,
}

// danglingSQL yields the number of rows that refer to what is not there.
var danglingSQL = [signals]string{
	logs: `SELECT count() FROM logs WHERE resource_id NOT IN (SELECT resource_id FROM resources) OR scope_id NOT IN (SELECT scope_id FROM scopes)`,
	spans: `SELECT count() FROM spans WHERE resource_id NOT IN (SELECT resource_id FROM resources) OR scope_id NOT IN (SELECT scope_id FROM scopes)
OR trace_id NOT IN (SELECT trace_id FROM trace_index)`,
	gauges: `SELECT countIf(fingerprint NOT IN (SELECT fingerprint FROM series)) + (SELECT count() FROM series
WHERE resource_id NOT IN (SELECT resource_id FROM resources) OR scope_id NOT IN (SELECT scope_id FROM scopes)) FROM samples`,
	histograms: `SELECT count() FROM histograms WHERE fingerprint NOT IN (SELECT fingerprint FROM series)`,
}
