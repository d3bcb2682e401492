package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// What an insert had in one partition is gone after a crash: in a new epoch the same insert brings it back, and
// nothing twice.
func TestLostPart(t *testing.T) {
	cfg := testConfig(newDir(t))
	e := start(t, cfg)
	conn := worker(t, e.Endpoint())
	exec(t, conn, partitioned)
	insertAgain(t, conn, "one")
	insertAgain(t, conn, "two")
	wantCount(t, conn, "p", 400)
	epoch := e.Epoch()
	if err := e.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}

	hollow(t, conn, "p", "1")
	kill(t, e.PID())
	waitFor(t, "the restart", func() bool { return e.Restarts() == 1 && e.State() == engine.Ready })
	waitFor(t, "the pool", func() bool { _, err := count(conn, "p"); return err == nil })
	wantCount(t, conn, "p", 300)
	if e.Epoch() == epoch || epoch == "" {
		t.Errorf("epoch %q, as before", epoch)
	}
	insertAgain(t, conn, "one")
	insertAgain(t, conn, "two")
	wantCount(t, conn, "p", 400)

	epoch = e.Epoch()
	conn.Close()
	stop(t, e)
	e = start(t, cfg)
	conn = worker(t, e.Endpoint())
	wantCount(t, conn, "p", 400)
	if e.Epoch() != epoch {
		t.Errorf("epoch %q, then %q, and nothing was lost", epoch, e.Epoch())
	}
}

// A part that is not whole is found by the first Sync after a write that failed.
func TestSyncFindsWhatIsNotWhole(t *testing.T) {
	if os.Getenv(mountVariable) == "" {
		inNamespace(t)
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=160m"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	cfg := testConfig(filepath.Join(disk, "engine"))
	cfg.MinFreeDisk = 1 << 20
	e := start(t, cfg)
	conn := worker(t, e.Endpoint())
	exec(t, conn, partitioned)
	insertAgain(t, conn, "one")

	epoch := e.Epoch()
	full := filepath.Join(disk, "fill")
	fill(t, full)
	wantCode(t, conn, "INSERT INTO p SELECT number, 1 FROM numbers(100)", 243)
	if err := e.Sync(context.Background()); err != nil || e.Restarts() != 0 {
		t.Errorf("all is whole: %v", err)
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	insertAgain(t, conn, "two") // newer than the last Sync, however long ago that is
	fill(t, full)
	wantCode(t, conn, "INSERT INTO p SELECT number, 1 FROM numbers(100)", 243)
	part := hollow(t, conn, "p", "1")
	if err := e.Sync(context.Background()); err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("Sync: %v; want the part's name", err)
	}
	if e.Epoch() == epoch || e.Restarts() != 1 {
		t.Errorf("epoch %q, then %q after %d restarts", epoch, e.Epoch(), e.Restarts())
	}
	if err := e.Sync(context.Background()); err != nil {
		t.Errorf("Sync afterwards: %v", err)
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the pool", func() bool { _, err := count(conn, "p"); return err == nil })
	wantCount(t, conn, "p", 300)
	insertAgain(t, conn, "one")
	insertAgain(t, conn, "two")
	wantCount(t, conn, "p", 400)
	conn.Close()
	stop(t, e)
}

const partitioned = "CREATE TABLE p (n UInt64, day UInt8) ENGINE = MergeTree PARTITION BY day ORDER BY n " +
	"SETTINGS non_replicated_deduplication_window = 100, max_bytes_to_merge_at_max_space_in_pool = 1"

// insertAgain stores a hundred rows in each of two partitions, once for each token.
func insertAgain(t *testing.T, conn driver.Conn, token string) {
	t.Helper()
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplication_token": token, "insert_deduplicate": 1,
	}))
	if err := conn.Exec(ctx, "INSERT INTO p SELECT number, number % 2 FROM numbers(200)"); err != nil {
		t.Fatal(err)
	}
}

// hollow empties the files of a partition's newest active part, as ClickHouse may leave them on a full disk.
func hollow(t *testing.T, conn driver.Conn, table, partition string) (part string) {
	t.Helper()
	var dir string
	if err := conn.QueryRow(context.Background(), "SELECT name, path FROM system.parts WHERE active AND table = $1 AND partition_id = $2 "+
		"ORDER BY min_block_number DESC LIMIT 1", table, partition).Scan(&part, &dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	for _, f := range files {
		if err := os.Truncate(filepath.Join(dir, f.Name()), 0); err != nil {
			t.Fatal(err)
		}
	}
	return part
}
