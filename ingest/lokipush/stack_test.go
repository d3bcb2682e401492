package lokipush

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/delivery"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// stack is the door with everything below it, on a database of its own.
type stack struct {
	db  *conn.DB
	log *wal.Log
	url string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{db: storagetest.DB(t)}
	var err error
	if s.log, err = wal.Open(wal.Config{Dir: t.TempDir(), SegmentAge: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	shipper := delivery.New(delivery.Config{
		Log: s.log, Insert: s.db.InsertStream,
		First: []string{resourcestore.TableResources, resourcestore.TableScopes},
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
	server := httptest.NewServer(NewHandler(ingest.New(ingest.Config{Sink: ingest.LogSink(s.log, time.Second)}), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// lines runs a query whose rows are one string each, after all that was acked
// is stored.
func (s *stack) lines(t *testing.T, sql string) string {
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
		err := rows.Scan(&line)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

// answer is what a client is told.
type answer struct {
	status int
	header http.Header
	text   string
}

// post sends a body. Headers are pairs.
func post(t testing.TB, url string, body []byte, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}
}
