package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// holdCommand makes this test binary a parent that can be killed: it starts an engine on a directory and waits.
const holdCommand = "hold-engine"

func TestMain(m *testing.M) {
	engine.MaybeChild()
	if len(os.Args) == 3 && os.Args[1] == holdCommand {
		os.Exit(hold(os.Args[2]))
	}
	os.Exit(m.Run())
}

func hold(dir string) int {
	e, err := engine.Start(context.Background(), testConfig(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ep := e.Endpoint()
	fmt.Println(e.PID(), ep.TCPAddr, ep.Password)
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func testConfig(dir string) engine.Config {
	return engine.Config{
		DataDir:     dir,
		Library:     os.Getenv("TREFOIL_ENGINE_LIB"),
		MemoryLimit: 1 << 30,
		StopTimeout: 45 * time.Second, // a machine that is busy with other tests stops an engine slowly
		Logger:      slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1})),
	}
}

func newDir(t testing.TB) string { return filepath.Join(t.TempDir(), "engine") }

// start runs an engine until the test ends, or until the test stops it.
func start(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, e) })
	return e
}

func stop(t testing.TB, e *engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// startError runs a start that must fail.
func startError(t testing.TB, cfg engine.Config, want error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.Start(ctx, cfg)
	if err == nil {
		stop(t, e)
		t.Fatalf("started; want %v", want)
	}
	if want != nil && !errors.Is(err, want) {
		t.Fatalf("error %v; want %v", err, want)
	}
	return err
}

// connect opens a pool that is closed before the engine stops.
func connect(t testing.TB, ep engine.Endpoint, user, password string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{ep.TCPAddr},
		Auth:        clickhouse.Auth{Database: ep.Database, Username: user, Password: password},
		DialTimeout: 5 * time.Second,
		ReadTimeout: 30 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func worker(t testing.TB, ep engine.Endpoint) driver.Conn {
	t.Helper()
	return connect(t, ep, ep.User, ep.Password)
}

func exec(t testing.TB, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func count(conn driver.Conn, from string) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = conn.QueryRow(ctx, "SELECT count() FROM "+from).Scan(&n)
	return n, err
}

func wantCount(t testing.TB, conn driver.Conn, from string, want uint64) {
	t.Helper()
	if n, err := count(conn, from); err != nil || n != want {
		t.Errorf("%s: %d rows, %v; want %d", from, n, err, want)
	}
}

// wantCode checks that a statement fails with one of the ClickHouse error codes.
func wantCode(t testing.TB, conn driver.Conn, sql string, codes ...int32) {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err == nil {
		for rows.Next() {
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		t.Errorf("%s: error %v; want code %v", sql, err, codes)
		return
	}
	for _, code := range codes {
		if exception.Code == code {
			return
		}
	}
	t.Errorf("%s: code %d (%s); want %v", sql, exception.Code, exception.Message, codes)
}

// states records what OnState was told.
type states struct {
	mu   sync.Mutex
	seen []engine.State
}

func (s *states) add(state engine.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, state)
}

func (s *states) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.seen)
}

func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
