package layout

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/bench/workload"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// BenchmarkMergeOfColumns asks what each column and index of logs costs at a merge:
// the parts of a table that has the key and that column alone are merged into one.
// The row "key" is to be taken away from the others.
func BenchmarkMergeOfColumns(b *testing.B) {
	inserts := capture(b, workload.Logs, "logs")
	t := openColumns(b)
	for b.Loop() {
		t.fill(inserts)
	}
	b.ReportMetric(0, "ns/op")
	columns := t.rows("SELECT name, concat(type, ' ', compression_codec) FROM system.columns" + t.ofLogs + " ORDER BY position")
	indexes := t.rows("SELECT expr, concat(name, ' ', expr, ' TYPE ', type_full, ' GRANULARITY ', toString(granularity)) FROM system.data_skipping_indices" + t.ofLogs)
	t.merge("warm-up", columns, "body", "")
	t.merge("key", columns, "", "")
	for _, c := range columns {
		if slices.Contains(logKey(), c[0]) {
			continue
		}
		t.merge(c[0], columns, c[0], "")
		for _, i := range indexes {
			if i[0] == c[0] {
				t.merge(c[0]+" + index", columns, c[0], i[1])
			}
		}
	}
}

// logKey are the columns that logs are partitioned and ordered by.
func logKey() []string { return []string{"tenant", "retention_days", "service_name", "time", "id"} }

// columnTables are the logs, and tables of some of their columns.
type columnTables struct {
	b      *testing.B
	db     *conn.DB
	pid    int
	ofLogs string // condition on the system's tables
}

func openColumns(b *testing.B) *columnTables {
	engine := storagetest.Engine(b)
	ep := storagetest.Database(b, engine.Endpoint())
	addr := conn.Addr{TCPAddr: ep.TCPAddr, HTTPAddr: ep.HTTPAddr, User: ep.User, Password: ep.Password, Database: ep.Database}
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }, Limits: conn.Limits{MaxTime: 30 * time.Minute}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := schema.Migrate(b.Context(), db, schema.Options{}); err != nil {
		b.Fatal(err)
	}
	return &columnTables{b, db, engine.PID(), " WHERE table = 'logs' AND database = '" + ep.Database + "'"}
}

func (t *columnTables) exec(sql string) {
	t.b.Helper()
	if err := t.db.Exec(t.b.Context(), sql); err != nil {
		t.b.Fatal(sql, err)
	}
}

// rows are those of a query of two strings.
func (t *columnTables) rows(sql string) (list [][2]string) {
	t.b.Helper()
	_, err := t.db.Select(t.b.Context(), conn.Query{SQL: sql}, func(r driver.Rows) error {
		var p [2]string
		err := r.Scan(&p[0], &p[1])
		list = append(list, p)
		return err
	})
	if err != nil {
		t.b.Fatal(sql, err)
	}
	return list
}

func (t *columnTables) fill(inserts []insert) {
	t.exec("SYSTEM STOP MERGES " + t.db.Database() + ".logs")
	for i, in := range inserts {
		if err := t.db.InsertStream(t.b.Context(), "logs", fmt.Sprint(i), bytes.NewReader(in.body), int64(len(in.body))); err != nil {
			t.b.Fatal(err)
		}
	}
}

// merge copies the key and one column, none if it is "", part by part into a table,
// with an index if there is one, and merges that.
func (t *columnTables) merge(label string, columns [][2]string, column, index string) {
	var names, text []string
	for _, c := range columns {
		if slices.Contains(logKey(), c[0]) || c[0] == column {
			names, text = append(names, c[0]), append(text, c[0]+" "+c[1])
		}
	}
	if index != "" {
		text = append(text, "INDEX "+index)
	}
	t.exec("CREATE TABLE one (" + strings.Join(text, ", ") + ") ENGINE = MergeTree PARTITION BY (toDate(time), retention_days) ORDER BY (tenant, service_name, time, id)")
	t.exec("SYSTEM STOP MERGES " + t.db.Database() + ".one")
	start := cpu(t.b, t.pid)
	for _, p := range t.rows("SELECT name, '' FROM system.parts" + t.ofLogs + " AND active ORDER BY min_block_number") {
		t.exec("INSERT INTO one SELECT " + strings.Join(names, ", ") + " FROM logs WHERE _part = '" + p[0] +
			"' SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 1048576, min_insert_block_size_rows = 1048576")
	}
	copied := cpu(t.b, t.pid)
	t.exec("SYSTEM START MERGES " + t.db.Database() + ".one")
	t.exec("OPTIMIZE TABLE one FINAL")
	merged := cpu(t.b, t.pid)
	perMillion := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(*rows) }
	fmt.Fprintf(os.Stderr, "%-28s copy %5.2f merge %5.2f s/M  %7.2f B/row\n", label, perMillion(copied-start), perMillion(merged-copied), float64(size(t.b, t.db, "one"))/float64(*rows))
	t.exec("DROP TABLE one SYNC")
}
