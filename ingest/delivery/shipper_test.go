package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// openDB makes a database with our schema and says how to reach it.
func openDB(t *testing.T) (*conn.DB, conn.Addr) {
	t.Helper()
	ep := storagetest.Database(t, storagetest.Start(t))
	addr := storagetest.Addr(ep)
	db := connect(t, addr)
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	return db, addr
}

func connect(t *testing.T, addr conn.Addr) *conn.DB {
	t.Helper()
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// shipped is a pipeline whose sink is a log that a Shipper empties.
type shipped struct {
	*ingest.Pipeline
	log     *wal.Log
	shipper *Shipper
}

func newShipped(t *testing.T, logs wal.Config, cfg Config) *shipped {
	t.Helper()
	if logs.Dir == "" {
		logs.Dir = t.TempDir()
	}
	if logs.SegmentAge == 0 {
		logs.SegmentAge = 50 * time.Millisecond
	}
	log, err := wal.Open(logs)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = log
	cfg.First = []string{resourcestore.TableResources, resourcestore.TableScopes}
	s := &shipped{ingest.New(ingest.Config{Sink: ingest.LogSink(log, time.Second)}), log, New(cfg)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.shipper.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, log.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// settle waits until everything acked has left the log.
func (s *shipped) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.log.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	for s.log.Stats().Segments > 0 {
		if ctx.Err() != nil {
			t.Fatalf("the log does not empty: %+v; %v", s.log.Stats(), s.shipper.Ready())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// send takes one log record with a body of its own in.
func send(ctx context.Context, p *ingest.Pipeline, body string) error {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "shipper")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	r.Body().SetStr(body)
	_, err := store(ctx)(otlpdata.Logs(p, "default", logs))
	return err
}

// store is the end of what was built.
func store(ctx context.Context) func(*ingest.Built, error) (ingest.Result, error) {
	return func(built *ingest.Built, err error) (ingest.Result, error) {
		if err != nil {
			return ingest.Result{}, err
		}
		return built.Store(ctx)
	}
}

// stored maps each body in the logs table to how often it is there.
func stored(t *testing.T, db *conn.DB) map[string]uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	bodies := map[string]uint64{}
	_, err := db.Select(ctx, conn.Query{SQL: "SELECT body, count() FROM logs GROUP BY body"}, func(rows driver.Rows) error {
		var body string
		var n uint64
		if err := rows.Scan(&body, &n); err != nil {
			return err
		}
		bodies[body] = n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

// exactly checks that all bodies are stored once and nothing else is.
func exactly(t *testing.T, db *conn.DB, bodies ...string) {
	t.Helper()
	got := stored(t, db)
	for _, b := range bodies {
		if got[b] != 1 {
			t.Errorf("%s is stored %d times", b, got[b])
		}
		delete(got, b)
	}
	if len(got) > 0 {
		t.Errorf("stored, but not acked: %v", got)
	}
}

func refusal(t *testing.T, err error, why ingest.RefusalReason) *ingest.Refusal {
	t.Helper()
	var r *ingest.Refusal
	if !errors.As(err, &r) || r.Reason != why || r.RetryAfter <= 0 {
		t.Fatalf("got %v, want a refusal for %s", err, why)
	}
	return r
}

func TestRequestsShareInserts(t *testing.T) {
	db, _ := openDB(t)
	registry := prometheus.NewRegistry()
	var mu sync.Mutex
	inserts := 0
	s := newShipped(t, wal.Config{SegmentAge: time.Second}, Config{Registerer: registry, Insert: func(ctx context.Context, table, token string, body io.Reader, size int64) error {
		mu.Lock()
		if table == "logs" {
			inserts++
		}
		mu.Unlock()
		return db.InsertStream(ctx, table, token, body, size)
	}})
	const n = 200
	var bodies []string
	var wg sync.WaitGroup
	for i := range n {
		body := fmt.Sprint("request ", i)
		bodies = append(bodies, body)
		wg.Go(func() {
			if err := send(t.Context(), s.Pipeline, body); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.settle(t)
	exactly(t, db, bodies...)
	if inserts > n/10 {
		t.Errorf("%d inserts for %d requests", inserts, n)
	}
	if got := counters(t, registry)[`trefoil_insert_rows_total{table="logs"}`]; got != n {
		t.Errorf("%v rows counted", got)
	}
}

// A lost answer leaves the outcome unknown; the piece is sent again and must
// not double, in any table.
func TestLostAnswersDoNotDouble(t *testing.T) {
	db, _ := openDB(t)
	var mu sync.Mutex
	seen := map[string]int{}
	s := newShipped(t, wal.Config{}, Config{Backoff: time.Millisecond, Insert: func(ctx context.Context, table, token string, body io.Reader, size int64) error {
		err := db.InsertStream(ctx, table, token, body, size)
		mu.Lock()
		defer mu.Unlock()
		if seen[token]++; err == nil && seen[token] < 3 {
			return &conn.Error{Class: conn.Unavailable, Op: "insert", Message: "answer lost"}
		}
		return err
	}})
	for i := range 3 {
		if err := send(t.Context(), s.Pipeline, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.settle(t)
	exactly(t, db, "0", "1", "2")
	if len(seen) < 3 {
		t.Errorf("only %d inserts lost their answer", len(seen))
	}
}

// poison is a block that no logs table takes.
func poison(t *testing.T) block.Block {
	t.Helper()
	var enc block.Encoder
	var column proto.ColStr
	column.Append("longer than the sixteen bytes of a trace ID")
	b, err := enc.Encode("logs", 1, proto.Input{{Name: "trace_id", Data: &column}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// One append that ClickHouse rejects must neither block the rest nor vanish.
func TestPoisonIsSetAside(t *testing.T) {
	db, _ := openDB(t)
	registry := prometheus.NewRegistry()
	dir := t.TempDir()
	s := newShipped(t, wal.Config{Dir: dir, SegmentAge: time.Hour}, Config{Backoff: time.Millisecond, Registerer: registry, Insert: db.InsertStream})
	var bodies []string
	for i := range 7 {
		bodies = append(bodies, fmt.Sprint("innocent ", i))
		if err := send(t.Context(), s.Pipeline, bodies[i]); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if err := s.log.Append(t.Context(), segment.Key{}, []block.Block{poison(t)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.settle(t)
	exactly(t, db, bodies...)
	aside, err := filepath.Glob(filepath.Join(dir, "quarantine", "*.wal"))
	if err != nil || len(aside) != 1 {
		t.Errorf("in quarantine: %v, %v; want one segment", aside, err)
	}
	if got := counters(t, registry)[`trefoil_insert_quarantined_rows_total{table="logs"}`]; got != 1 {
		t.Errorf("%v rows counted as set aside, want 1", got)
	}
}

// A missing table is an operator's mistake: acks go on, rows wait for it to be
// mended.
func TestMissingTableIsNotTheRowsFault(t *testing.T) {
	db, _ := openDB(t)
	s := newShipped(t, wal.Config{}, Config{MaxBackoff: 100 * time.Millisecond, Insert: db.InsertStream})
	if err := db.Exec(t.Context(), "RENAME TABLE logs TO away"); err != nil {
		t.Fatal(err)
	}
	if err := send(t.Context(), s.Pipeline, "patient"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reason to show", func() bool {
		err := s.shipper.Ready()
		return err != nil && strings.Contains(err.Error(), "logs")
	})
	if err := db.Exec(t.Context(), "RENAME TABLE away TO logs"); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	exactly(t, db, "patient")
	if err := s.shipper.Ready(); err != nil {
		t.Errorf("storage is back, and still: %v", err)
	}
}

// A table that takes nothing holds up its own rows and no others, and is said to
// be stuck; when it is mended its rows come, once.
func TestStuckTableHoldsNobodyUp(t *testing.T) {
	db, _ := openDB(t)
	registry := prometheus.NewRegistry()
	s := newShipped(t, wal.Config{}, Config{MaxBackoff: 100 * time.Millisecond, Insert: db.InsertStream, Registerer: registry})
	if err := db.Exec(t.Context(), "RENAME TABLE spans TO away"); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for i := range 20 { // more segments than lanes
		traces := ptrace.NewTraces()
		span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID([16]byte{1, byte(i)})
		span.SetSpanID([8]byte{1, byte(i)})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		if _, err := store(t.Context())(otlpdata.Traces(s.Pipeline, "default", traces)); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, fmt.Sprint("free ", i))
		if err := send(t.Context(), s.Pipeline, bodies[i]); err != nil {
			t.Fatal(err)
		}
		if err := s.log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the logs", func() bool { return len(stored(t, db)) == len(bodies) })
	exactly(t, db, bodies...)
	if err := s.shipper.Ready(); err == nil || !strings.Contains(err.Error(), "table spans") {
		t.Errorf("readiness: %v", err)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`# HELP trefoil_insert_table_stuck 1 while a table's rows wait because the table did not take the last ones, else 0.
# TYPE trefoil_insert_table_stuck gauge
trefoil_insert_table_stuck{table="logs"} 0
trefoil_insert_table_stuck{table="resources"} 0
trefoil_insert_table_stuck{table="scopes"} 0
trefoil_insert_table_stuck{table="span_values"} 0
trefoil_insert_table_stuck{table="spans"} 1
trefoil_insert_table_stuck{table="trace_index"} 0
`), "trefoil_insert_table_stuck"); err != nil {
		t.Error(err)
	}
	if err := db.Exec(t.Context(), "RENAME TABLE away TO spans"); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	exactly(t, db, bodies...)
	var spans uint64
	if _, err := db.Select(t.Context(), conn.Query{SQL: "SELECT count() FROM spans"}, func(rows driver.Rows) error { return rows.Scan(&spans) }); err != nil || spans != 20 {
		t.Errorf("%d spans, want 20 (%v)", spans, err)
	}
	if err := s.shipper.Ready(); err != nil {
		t.Errorf("mended, and still: %v", err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// ClickHouse that takes connections and never answers costs no ack until the
// budget is used up; then clients hear so at once. A restart of ours with
// ClickHouse back stores what was acked.
func TestHangingClickHouse(t *testing.T) {
	db, addr := openDB(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr.HTTPAddr = l.Addr().String()
	dir := t.TempDir()
	var bodies []string
	t.Run("away", func(t *testing.T) {
		s := newShipped(t, wal.Config{Dir: dir, MaxBytes: 256 << 10}, Config{Insert: connect(t, addr).InsertStream, Timeout: 300 * time.Millisecond})
		for i := 0; ; i++ {
			body := fmt.Sprintf("%d %s", i, rubbish(10_000))
			err := send(t.Context(), s.Pipeline, body)
			if err != nil {
				if r := refusal(t, err, ingest.RefusedFull); !r.Overload() {
					t.Error("not told as overload")
				}
				break
			}
			bodies = append(bodies, body)
		}
		if len(bodies) < 10 {
			t.Errorf("only %d requests fitted into the log", len(bodies))
		}
		eventually(t, "the reason to show", func() bool { return s.shipper.Ready() != nil })
	})
	s := newShipped(t, wal.Config{Dir: dir}, Config{Insert: db.InsertStream})
	s.settle(t)
	exactly(t, db, bodies...)
}

// rubbish is text that does not compress.
func rubbish(n int) string {
	b := make([]byte, n)
	state := uint32(n)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = '!' + byte(state>>24)%90
	}
	return string(b)
}

// TestKilledEngineLosesNothingAcked kills the engine under load, several
// times. Acks go on meanwhile; what was acked is there once.
func TestKilledEngineLosesNothingAcked(t *testing.T) {
	e := storagetest.Engine(t)
	db, _ := openDB(t)
	s := newShipped(t, wal.Config{SegmentAge: 20 * time.Millisecond}, Config{Insert: db.InsertStream})
	var (
		mu    sync.Mutex
		acked []string
		wg    sync.WaitGroup
		stop  = make(chan struct{})
	)
	for worker := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprintf("worker %d record %d", worker, i)
				if err := send(t.Context(), s.Pipeline, body); err != nil {
					t.Errorf("%s: %v", body, err)
					return
				}
				mu.Lock()
				acked = append(acked, body)
				mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	for range 3 {
		time.Sleep(400 * time.Millisecond)
		restarts := e.Restarts()
		if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the engine to come back", func() bool { return e.Restarts() > restarts && e.State() == engine.Ready })
	}
	time.Sleep(400 * time.Millisecond)
	close(stop)
	wg.Wait()
	s.settle(t)
	exactly(t, db, acked...)
	if len(acked) < 50 {
		t.Errorf("only %d acked", len(acked))
	}
	t.Logf("%d acked, 3 kills", len(acked))
}

// counters are the counters of r by their name and labels as /metrics shows them.
func counters(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			values[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue()
		}
	}
	return values
}
