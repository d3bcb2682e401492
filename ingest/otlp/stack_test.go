package otlp

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"

	"github.com/trefoil-o11y/trefoil/ingest/ingesttest"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// stack is both doors with everything below them, on a database of its own.
type stack struct {
	*ingesttest.Stack
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
	s := ingesttest.New(t, openDatabase(t, insertAt), walBytes)
	server := httptest.NewServer(NewHTTP(s.Pipeline, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return &stack{s, server.URL, serveGRPC(t, s.Pipeline)}
}
