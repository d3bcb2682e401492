package otlp

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"google.golang.org/grpc"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/delivery"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// stack is the ingest half of the program on a database of its own.
type stack struct {
	db     *conn.DB
	log    *wal.Log
	http   string // base URL
	client *grpc.ClientConn
}

// openDatabase makes a database with our schema. insertAt, when set, is where
// inserts go instead of to the engine.
func openDatabase(t *testing.T, insertAt string) *conn.DB {
	t.Helper()
	ep := storagetest.Database(t, storagetest.Start(t))
	migrate := open(t, storagetest.Addr(ep))
	if _, err := schema.Migrate(t.Context(), migrate, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	if insertAt == "" {
		return migrate
	}
	ep.HTTPAddr = insertAt
	return open(t, storagetest.Addr(ep))
}

func open(t *testing.T, addr conn.Addr) *conn.DB {
	t.Helper()
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newStack(t *testing.T, insertAt string, walBytes int64) *stack {
	t.Helper()
	s := &stack{db: openDatabase(t, insertAt)}
	var err error
	if s.log, err = wal.Open(wal.Config{Dir: t.TempDir(), SegmentAge: 20 * time.Millisecond, MaxBytes: walBytes}); err != nil {
		t.Fatal(err)
	}
	shipper := delivery.New(delivery.Config{
		Log: s.log, Insert: s.db.InsertStream,
		First: []string{resourcestore.TableResources, resourcestore.TableScopes, metricstore.TableSeries},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- shipper.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, s.log.Close()); err != nil {
			t.Error(err)
		}
	})
	p := ingest.New(ingest.Config{Sink: ingest.LogSink(s.log, time.Second)})
	server := httptest.NewServer(NewHTTP(p, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	s.http = server.URL
	s.client = serveGRPC(t, p)
	return s
}

// lines runs a query whose rows are one string each, after all that was acked
// is stored.
func (s *stack) lines(t *testing.T, sql string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.log.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	for s.log.Stats().Segments > 0 {
		if ctx.Err() != nil {
			t.Fatal("the log does not empty")
		}
		time.Sleep(5 * time.Millisecond)
	}
	var lines []string
	_, err := s.db.Select(ctx, conn.Query{SQL: sql}, func(rows driver.Rows) error {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return lines
}
