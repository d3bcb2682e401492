package layout

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/bench/workload"
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpwire"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

var (
	rows       = flag.Int("rows", 1_000_000, "records")
	insertRows = flag.Int("insert-rows", 250_000, "records of an insert, and so of a part")
	perRequest = flag.Int("per-request", 1000, "records of a request, and so of a block")
	columns    = flag.Bool("columns", false, "print the bytes of every column and index")
	unmerged   = flag.Bool("unmerged", false, "ask the questions before the merge too")
)

// variant is a change of the schema, made to empty tables.
type variant struct {
	name  string
	alter []string
}

// insert is the body of one insert into the table measured.
type insert struct {
	rows int
	body []byte
}

// question is asked of a table after the merge.
type question struct {
	name string
	sql  string
}

// count asks for the number of rows that a condition holds for.
func count(name, table string, where ...chsql.Expr) question {
	text := "SELECT count() FROM " + table
	for i, w := range where {
		text += map[bool]string{true: " WHERE ", false: " AND "}[i == 0] + "(" + w.String() + ")"
	}
	return question{name, text}
}

// measure stores the records of a signal in each variant of a table.
func measure(b *testing.B, signal workload.Signal, table string, variants []variant, questions ...question) {
	var inserts []insert
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			if inserts == nil { // a benchmark that is filtered out costs nothing
				inserts = capture(b, signal, table)
			}
			for b.Loop() {
				measureOne(b, table, v, inserts, questions)
			}
		})
	}
}

func measureOne(b *testing.B, table string, v variant, inserts []insert, questions []question) {
	ctx := b.Context()
	engine := storagetest.Engine(b)
	ep := storagetest.Database(b, engine.Endpoint())
	addr := func() conn.Addr {
		return conn.Addr{TCPAddr: ep.TCPAddr, HTTPAddr: ep.HTTPAddr, User: ep.User, Password: ep.Password, Database: ep.Database}
	}
	db, err := conn.Open(conn.Config{Addr: addr, Limits: conn.Limits{MaxTime: 30 * time.Minute}})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := schema.Migrate(ctx, db, schema.Options{}); err != nil {
		b.Fatal(err)
	}
	for _, statement := range append(v.alter, "SYSTEM STOP MERGES "+ep.Database+"."+table) {
		if err := db.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	start := cpu(b, engine.PID())
	total := 0
	for i, in := range inserts {
		if err := db.InsertStream(ctx, table, strconv.Itoa(i), bytes.NewReader(in.body), int64(len(in.body))); err != nil {
			b.Fatal(err)
		}
		total += in.rows
	}
	inserted := cpu(b, engine.PID())
	b.ReportMetric((inserted-start).Seconds()/float64(total)*1e6, "insert-s/M")
	young := size(b, db, table)
	if *unmerged {
		for _, q := range questions {
			b.ReportMetric(float64(ask(b, db, engine.PID(), q).Milliseconds()), q.name+"-unmerged-cpu-ms")
		}
		inserted = cpu(b, engine.PID())
	}
	if err := db.Exec(ctx, "SYSTEM START MERGES "+ep.Database+"."+table); err != nil {
		b.Fatal(err)
	}
	if err := db.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
		b.Fatal(err)
	}
	merged := cpu(b, engine.PID())
	perMillion := func(d time.Duration) float64 { return d.Seconds() / float64(total) * 1e6 }
	b.ReportMetric(perMillion(merged-inserted), "merge-s/M")
	b.ReportMetric(float64(young)/float64(total), "inserted-B/row")
	b.ReportMetric(float64(size(b, db, table))/float64(total), "merged-B/row")
	b.ReportMetric(0, "ns/op")
	for _, q := range questions {
		b.ReportMetric(float64(ask(b, db, engine.PID(), q).Milliseconds()), q.name+"-cpu-ms")
	}
	if *columns {
		fmt.Fprint(os.Stderr, "\n"+columnSizes(b, db, table, total)) // a log would be cut short
	}
}

// ask is the engine's CPU for a question, the mean of several times after one to
// warm up.
func ask(b *testing.B, db *conn.DB, pid int, q question) time.Duration {
	b.Helper()
	const times = 5
	var start time.Duration
	for i := range times + 1 {
		if i == 1 {
			start = cpu(b, pid)
		}
		if _, err := db.Select(b.Context(), conn.Query{SQL: q.sql}, func(driver.Rows) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	return (cpu(b, pid) - start) / times
}

// capture sends records through the decoders and keeps what would go into the
// table, as the bodies of inserts.
func capture(b testing.TB, signal workload.Signal, table string) []insert {
	b.Helper()
	var list []insert
	var body bytes.Buffer
	n := 0
	flush := func() {
		if n > 0 {
			list = append(list, insert{n, bytes.Clone(body.Bytes())})
		}
		body.Reset()
		n = 0
	}
	pipeline := ingest.New(ingest.Config{
		Sink: func(_ context.Context, blocks []block.Block) error {
			for _, block := range blocks {
				if block.Table == table {
					body.Write(block.Native)
					n += block.Rows
				}
			}
			if n >= *insertRows {
				flush()
			}
			return nil
		},
	})
	decoder := otlpwire.NewDecoder(pipeline)
	read := map[workload.Signal]func(tenant.ID, []byte, *ingest.Admission) (*ingest.Built, error){
		workload.Logs: decoder.Logs, workload.Spans: decoder.Traces, workload.Metrics: decoder.Metrics,
	}[signal]
	// As many at a time as fit into memory, each piece after the one before.
	const piece = 500_000
	at := time.Now().Add(-2 * time.Hour).Truncate(time.Hour)
	for left, seed := *rows, uint64(1); left > 0; left, seed = left-piece, seed+1 {
		requests, err := workload.Generate(workload.Config{Signal: signal, Records: min(left, piece), PerRequest: *perRequest, Series: 10_000, Seed: seed, Compression: "none", Start: at})
		if err != nil {
			b.Fatal(err)
		}
		at = at.Add(spacing(signal) * piece)
		for _, r := range requests {
			admission := pipeline.Admit()
			built, err := read(tenant.Default, r.Body, admission)
			if err == nil {
				_, err = built.Store(b.Context())
			}
			if err != nil {
				b.Fatal(err)
			}
			admission.Release()
		}
	}
	flush()
	return list
}

// spacing is the time between two records of the workload.
func spacing(signal workload.Signal) time.Duration {
	switch signal {
	case workload.Spans:
		return time.Millisecond / 2
	case workload.Metrics:
		return 15 * time.Second / 10_000
	}
	return time.Millisecond
}

// columnSizes lists columns and indexes with their bytes a row.
func columnSizes(b *testing.B, db *conn.DB, table string, rows int) string {
	b.Helper()
	where := fmt.Sprintf("WHERE database = '%s' AND table = '%s'", db.Database(), table)
	query := conn.Query{SQL: "SELECT name, bytes FROM (SELECT name, data_compressed_bytes AS bytes FROM system.columns " + where +
		" UNION ALL SELECT 'index ' || name, data_compressed_bytes AS bytes FROM system.data_skipping_indices " + where + ") ORDER BY bytes DESC"}
	var text strings.Builder
	_, err := db.Select(b.Context(), query, func(r driver.Rows) error {
		var name string
		var bytes uint64
		if err := r.Scan(&name, &bytes); err != nil {
			return err
		}
		_, err := fmt.Fprintf(&text, "%8.2f B/row %s\n", float64(bytes)/float64(rows), name)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return text.String()
}

func size(b testing.TB, db *conn.DB, table string) (bytes uint64) {
	b.Helper()
	query := conn.Query{SQL: fmt.Sprintf("SELECT sum(bytes_on_disk) FROM system.parts WHERE database = '%s' AND table = '%s' AND active", db.Database(), table)}
	_, err := db.Select(b.Context(), query, func(r driver.Rows) error { return r.Scan(&bytes) })
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// cpu is what a process has used: fields 14 and 15 of proc(5)'s stat, in ticks
// of 10 ms.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
