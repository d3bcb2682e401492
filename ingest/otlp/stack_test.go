package otlp

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"google.golang.org/grpc"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// stack is the ingest half of the program on a database of its own.
type stack struct {
	db      *conn.DB
	batcher *ingest.Batcher
	http    string // base URL
	client  *grpc.ClientConn
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

func newStack(t *testing.T, insertAt string, timeout time.Duration) *stack {
	t.Helper()
	s := &stack{db: openDatabase(t, insertAt)}
	s.batcher = ingest.NewBatcher(ingest.BatcherConfig{
		Insert: s.db.Insert,
		First:  []string{resourcestore.TableResources, resourcestore.TableScopes, metricstore.TableSeries},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.batcher.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p := ingest.New(ingest.Config{Sink: s.batcher.Insert, Timeout: timeout})
	server := httptest.NewServer(NewHTTP(p, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	s.http = server.URL
	s.client = serveGRPC(t, p)
	return s
}

// lines runs a query whose rows are one string each.
func (s *stack) lines(t *testing.T, sql string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
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
