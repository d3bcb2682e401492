package lokipush

import (
	"flag"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/ingest/ingesttest"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// stack is the door with everything below it, on a database of its own.
type stack struct {
	*ingesttest.Stack
	url string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := ingesttest.New(t, storagetest.DB(t), 0)
	server := httptest.NewServer(NewHandler(s.Pipeline, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return &stack{s, server.URL}
}

func (s *stack) lines(t *testing.T, sql string) string {
	t.Helper()
	return strings.Join(s.Lines(t, sql), "\n")
}
