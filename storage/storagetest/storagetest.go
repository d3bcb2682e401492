package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// libraryVariable overrides where tests find the engine's library.
const libraryVariable = "TREFOIL_ENGINE_LIB"

// shared is the one engine of this test process. A test binary has no other place to keep it.
var shared struct {
	once   sync.Once
	main   bool
	dir    string
	engine *engine.Engine
	log    logBuffer
	err    error
}

// Main is the body of TestMain: it serves as the engine when this process was started as one, else it runs the tests,
// stops the engine they used and exits.
func Main(m *testing.M) {
	engine.MaybeChild()
	shared.main = true
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Start returns the endpoint of the engine that all tests of this process share, starting it at the first call.
func Start(t testing.TB) engine.Endpoint {
	t.Helper()
	return Engine(t).Endpoint()
}

// Engine is Start for tests that watch or kill the engine itself; such a test must not run in parallel with others.
func Engine(t testing.TB) *engine.Engine {
	t.Helper()
	if !shared.main {
		t.Fatal("storagetest: add: func TestMain(m *testing.M) { storagetest.Main(m) }")
	}
	shared.once.Do(start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.engine
}

func start() {
	shared.dir, shared.err = os.MkdirTemp("", "trefoil-storagetest-")
	if shared.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shared.engine, shared.err = engine.Start(ctx, engine.Config{
		DataDir:      filepath.Join(shared.dir, "engine"),
		Library:      os.Getenv(libraryVariable),
		MemoryLimit:  2 << 30,
		ReadyTimeout: 2 * time.Minute,
		Logger:       slog.New(slog.NewTextHandler(&shared.log, nil)),
	})
}

func stop() error {
	if shared.dir == "" {
		return nil
	}
	defer os.RemoveAll(shared.dir)
	if shared.engine == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := shared.engine.Stop(ctx); err != nil {
		return fmt.Errorf("storagetest: %w\n%s", err, shared.log.String())
	}
	return nil
}

// Database makes a fresh database and returns the endpoint with it as Database; it is dropped when the test ends.
func Database(t testing.TB, ep engine.Endpoint) engine.Endpoint {
	t.Helper()
	var id [6]byte
	rand.Read(id[:])
	ep.Database = engine.Database + "_t_" + hex.EncodeToString(id[:])
	if err := exec(ep, "CREATE DATABASE "+ep.Database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exec(ep, "DROP DATABASE "+ep.Database+" SYNC"); err != nil {
			t.Error(err)
		}
	})
	return ep
}

// exec runs one statement over HTTP, with no database in use.
func exec(ep engine.Endpoint, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ep.HTTPAddr+"/?database=system", strings.NewReader(sql))
	if err != nil {
		return err
	}
	req.Header.Set("X-ClickHouse-User", ep.User)
	req.Header.Set("X-ClickHouse-Key", ep.Password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("storagetest: %s: %w", sql, err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("storagetest: %s: %s", sql, bytes.TrimSpace(answer))
	}
	return nil
}

// logBuffer keeps the engine's log until someone wants to see it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
