package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

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

// batched is a pipeline whose sink is a Batcher over insert.
func batched(t *testing.T, cfg BatcherConfig, timeout time.Duration) (*Pipeline, *Batcher) {
	t.Helper()
	cfg.First = []string{resourcestore.TableResources, resourcestore.TableScopes}
	b := NewBatcher(cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		b.Close(ctx)
	})
	return New(Config{Sink: b.Insert, Timeout: timeout}), b
}

// send takes one log record with a body of its own in.
func send(ctx context.Context, p *Pipeline, body string) error {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "batcher")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	r.Body().SetStr(body)
	_, err := p.Logs(ctx, "default", logs, nil)
	return err
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

func refusal(t *testing.T, err error, why RefusalReason) *Refusal {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != why || r.RetryAfter <= 0 {
		t.Fatalf("got %v, want a refusal for %s", err, why)
	}
	return r
}

func TestConcurrentRequestsShareInserts(t *testing.T) {
	db, _ := openDB(t)
	registry := prometheus.NewRegistry()
	var inserts atomic.Int64
	p, _ := batched(t, BatcherConfig{Registerer: registry, Insert: func(ctx context.Context, table, token string, blocks []block.Block) error {
		if table == "logs" {
			inserts.Add(1)
		}
		return db.Insert(ctx, table, token, blocks)
	}}, 10*time.Second)
	const n = 200
	var bodies []string
	var wg sync.WaitGroup
	for i := range n {
		body := fmt.Sprint("request ", i)
		bodies = append(bodies, body)
		wg.Go(func() {
			if err := send(t.Context(), p, body); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	exactly(t, db, bodies...)
	if got := inserts.Load(); got > n/4 {
		t.Errorf("%d inserts for %d concurrent requests", got, n)
	}
	if got := counters(t, registry)[`trefoil_insert_rows_total{table="logs"}`]; got != n {
		t.Errorf("%v rows counted", got)
	}
}

// A lost answer leaves the outcome unknown; the insert is sent again and must
// not double, in any table.
func TestLostAnswersDoNotDouble(t *testing.T) {
	db, _ := openDB(t)
	var mu sync.Mutex
	seen := map[string]int{}
	p, _ := batched(t, BatcherConfig{Backoff: time.Millisecond, Insert: func(ctx context.Context, table, token string, blocks []block.Block) error {
		err := db.Insert(ctx, table, token, blocks)
		mu.Lock()
		defer mu.Unlock()
		if seen[table+token]++; err == nil && seen[table+token] < 3 {
			return &conn.Error{Class: conn.Unavailable, Op: "insert", Message: "answer lost"}
		}
		return err
	}}, 10*time.Second)
	for i := range 3 {
		if err := send(t.Context(), p, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	exactly(t, db, "0", "1", "2")
	if len(seen) < 5 {
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

func TestRejectedRowsFailTheirRequestOnly(t *testing.T) {
	db, _ := openDB(t)
	var merged atomic.Bool
	p, b := batched(t, BatcherConfig{Linger: 300 * time.Millisecond, Insert: func(ctx context.Context, table, token string, blocks []block.Block) error {
		if len(blocks) == 8 {
			merged.Store(true)
		}
		return db.Insert(ctx, table, token, blocks)
	}}, 10*time.Second)
	var wg sync.WaitGroup
	var bodies []string
	for i := range 7 {
		body := fmt.Sprint("innocent ", i)
		bodies = append(bodies, body)
		wg.Go(func() {
			if err := send(t.Context(), p, body); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		})
	}
	bad := poison(t)
	wg.Go(func() {
		err := b.Insert(t.Context(), []block.Block{bad})
		var r *Refusal
		if conn.ClassOf(err) != conn.Rejected || errors.As(err, &r) {
			t.Errorf("poison: %v", err)
		}
	})
	wg.Wait()
	exactly(t, db, bodies...)
	if !merged.Load() {
		t.Error("the requests were never in one insert")
	}
}

// A missing table is an operator's mistake: requests wait for it to be mended
// or are refused, but rows are not called wrong.
func TestMissingTableIsNotTheRowsFault(t *testing.T) {
	db, _ := openDB(t)
	p, _ := batched(t, BatcherConfig{Insert: db.Insert}, 3*time.Second)
	if err := db.Exec(t.Context(), "RENAME TABLE logs TO away"); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { answer <- send(t.Context(), p, "patient") }()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := refusal(t, send(short, p, "hasty"), RefusedUnavailable)
	if !strings.Contains(r.Error(), "logs") {
		t.Errorf("the refusal does not say why: %v", r)
	}
	if err := db.Exec(t.Context(), "RENAME TABLE away TO logs"); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Error(err)
	}
	if n := stored(t, db)["patient"]; n != 1 {
		t.Errorf("stored %d times", n)
	}
}

// hanging is the address of a listener that takes connections and never answers.
func hanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l.Addr().String()
}

func TestHangingClickHouseIsARefusalInTime(t *testing.T) {
	db, addr := openDB(t)
	addr.HTTPAddr = hanging(t)
	p, _ := batched(t, BatcherConfig{Insert: connect(t, addr).Insert}, 500*time.Millisecond)
	var wg sync.WaitGroup
	for i := range 8 { // more than there are flushes, so that some never leave the queue
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 20 * time.Millisecond)
			start := time.Now()
			err := send(t.Context(), p, "never")
			var r *Refusal
			if !errors.As(err, &r) || r.Reason != RefusedUnavailable {
				t.Errorf("got %v", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("refused after %s", d)
			}
		})
	}
	wg.Wait()
	exactly(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	refusal(t, send(ctx, p, "never"), RefusedUnavailable)
	if d := time.Since(start); d > 900*time.Millisecond {
		t.Errorf("with a client deadline of 1 s: %s", d)
	}
}

func TestFullQueueIsAnImmediateRefusal(t *testing.T) {
	release := make(chan struct{})
	p, _ := batched(t, BatcherConfig{QueueBytes: 1, Insert: func(ctx context.Context, _, _ string, _ []block.Block) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}, 10*time.Second)
	first := make(chan error, 1)
	go func() { first <- send(t.Context(), p, "first") }()
	time.Sleep(100 * time.Millisecond) // until it is in the queue, which a single request may overfill
	if r := refusal(t, send(t.Context(), p, "second"), RefusedQueue); !r.Overload() {
		t.Error("not told as overload")
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestCloseDrains(t *testing.T) {
	db, _ := openDB(t)
	p, b := batched(t, BatcherConfig{Linger: time.Minute, Insert: db.Insert}, 20*time.Second)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if err := send(t.Context(), p, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // all of them wait for company now
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	exactly(t, db, "0", "1", "2", "3", "4")
	refusal(t, send(t.Context(), p, "late"), RefusedClosing)
	if err := b.Close(ctx); err != nil {
		t.Error("second close:", err)
	}
}

func TestCloseGivesUpInTime(t *testing.T) {
	_, addr := openDB(t)
	addr.HTTPAddr = hanging(t)
	p, b := batched(t, BatcherConfig{Insert: connect(t, addr).Insert}, time.Minute)
	answer := make(chan error, 1)
	go func() { answer <- send(t.Context(), p, "never") }()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); err == nil || !strings.Contains(err.Error(), "were not inserted") {
		t.Errorf("close: %v", err)
	}
	refusal(t, <-answer, RefusedUnavailable)
}

// TestKilledEngineLosesNothingAcked kills the engine under load, several
// times. Requests ride out the restart or are refused; what was acked is
// there, and nothing is there twice.
func TestKilledEngineLosesNothingAcked(t *testing.T) {
	e := storagetest.Engine(t)
	db, _ := openDB(t)
	p, _ := batched(t, BatcherConfig{Insert: db.Insert}, 20*time.Second)
	var (
		mu           sync.Mutex
		acked, maybe []string
		wg           sync.WaitGroup
		stop         = make(chan struct{})
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
				err := send(t.Context(), p, body)
				mu.Lock()
				if err == nil {
					acked = append(acked, body)
				} else {
					maybe = append(maybe, body)
				}
				mu.Unlock()
			}
		})
	}
	for range 3 {
		time.Sleep(400 * time.Millisecond)
		restarts := e.Restarts()
		if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(60 * time.Second); e.Restarts() == restarts || e.State() != engine.Ready; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the engine did not come back")
			}
		}
	}
	time.Sleep(400 * time.Millisecond)
	close(stop)
	wg.Wait()
	bodies := stored(t, db)
	for _, b := range acked {
		if bodies[b] != 1 {
			t.Errorf("acked %q is stored %d times", b, bodies[b])
		}
	}
	for b, n := range bodies {
		if n > 1 {
			t.Errorf("%q is stored %d times", b, n)
		}
	}
	if len(acked) < 50 {
		t.Errorf("only %d acked", len(acked))
	}
	t.Logf("%d acked, %d refused, %d stored, 3 kills", len(acked), len(maybe), len(bodies))
}
