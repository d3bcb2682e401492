package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

func TestParseDSN(t *testing.T) {
	a, err := conn.ParseDSN("clickhouse://u:p%40ss@ch.example:9440/telemetry?secure=true&read_user=r&read_password=rp")
	if err != nil {
		t.Fatal(err)
	}
	want := conn.Addr{TCPAddr: "ch.example:9440", HTTPAddr: "ch.example:8443", User: "u", Password: "p@ss",
		ReadUser: "r", ReadPassword: "rp", Database: "telemetry", Secure: true}
	if a != want {
		t.Errorf("parsed wrongly: %+v", []conn.Addr{a, want})
	}
	for _, bad := range []string{"http://h", "clickhouse://", "clickhouse://u:s3cret@h:port/", "clickhouse://u:s3cret@h/?nope=1",
		"clickhouse://u:s3cret@h/?secure=maybe", "clickhouse://u:s3cret%zz@h",
		"clickhouse://u:s3cret/x@h", "clickhouse://u:1/s3cret@h", "clickhouse://h/?http_port=x", "clickhouse://h/a-b"} {
		_, err := conn.ParseDSN(bad)
		if err == nil {
			t.Errorf("%s: no error", bad)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	if s := a.String() + a.GoString(); strings.Contains(s, "p@ss") || strings.Contains(s, "rp") {
		t.Errorf("printing an address shows a password: %s", s)
	}
}

func FuzzParseDSN(f *testing.F) {
	f.Add("clickhouse://u:p@h:9000/db?secure=true")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := conn.ParseDSN(s); err == nil && (a.TCPAddr == "" || a.Database == "") {
			t.Fatalf("%q parsed into nothing: %+v", s, a)
		}
	})
}

// numbers is a block for a table (n UInt64).
func numbers(t *testing.T, table string, values ...uint64) block.Block {
	t.Helper()
	var e block.Encoder
	col := proto.ColUInt64(values)
	b, err := e.Encode(table, len(values), proto.Input{{Name: "n", Data: &col}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func exec(t *testing.T, db *conn.DB, sql string) {
	t.Helper()
	if err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *conn.DB, sql string) (n uint64) {
	t.Helper()
	if _, err := db.Select(t.Context(), conn.Query{SQL: sql, Admin: true}, func(r driver.Rows) error { return r.Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInsertWithOneTokenStoresOnce(t *testing.T) {
	db := storagetest.Empty(t)
	exec(t, db, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100")
	blocks := []block.Block{numbers(t, "t", 1, 2), numbers(t, "t", 3)}
	for range 3 {
		if err := db.Insert(t.Context(), "t", "a", blocks); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, "SELECT count() FROM t"); n != 3 {
		t.Errorf("three sends with one token left %d rows, want 3", n)
	}
	if err := db.Insert(t.Context(), "t", "b", blocks); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count() FROM t"); n != 6 {
		t.Errorf("the same rows with another token: %d rows, want 6", n)
	}
}

func TestClasses(t *testing.T) {
	db := storagetest.Empty(t)
	exec(t, db, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	damaged := numbers(t, "t", 1, 2, 3)
	damaged.Native[len(damaged.Native)-1] ^= 1
	selectOf := func(sql string, settings map[string]any) error {
		_, err := db.Select(t.Context(), conn.Query{SQL: sql, Settings: settings}, func(driver.Rows) error { return nil })
		return err
	}
	expired, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	for name, c := range map[string]struct {
		err   error
		class conn.Class
		words string
	}{
		"syntax":           {selectOf("SELEC 1", nil), conn.Rejected, "Syntax error"},
		"unknown table":    {selectOf("SELECT * FROM nope", nil), conn.Rejected, "nope"},
		"rows limit":       {selectOf("SELECT count() FROM numbers(1000000) WHERE number % 2", map[string]any{"max_rows_to_read": 10}), conn.Limit, "max_rows_to_read"},
		"memory limit":     {selectOf("SELECT groupArray(number) FROM numbers(50000000)", map[string]any{"max_memory_usage": 1000000}), conn.Limit, "max_memory_usage"},
		"read only":        {selectOf("INSERT INTO t VALUES (1)", nil), conn.Rejected, ""},
		"insert no table":  {db.Insert(t.Context(), "nope", "x", []block.Block{numbers(t, "nope", 1)}), conn.Rejected, "nope"},
		"insert damaged":   {db.Insert(t.Context(), "t", "x", []block.Block{damaged}), conn.Rejected, ""},
		"insert bad name":  {db.Insert(t.Context(), "t; DROP TABLE t", "x", []block.Block{numbers(t, "t", 1)}), conn.Rejected, "table name"},
		"deadline, select": {func() error { _, err := db.Select(expired, conn.Query{SQL: "SELECT 1"}, nil); return err }(), conn.Timeout, ""},
		"deadline, insert": {db.Insert(expired, "t", "x", []block.Block{numbers(t, "t", 1)}), conn.Timeout, ""},
	} {
		var e *conn.Error
		if !errors.As(c.err, &e) {
			t.Errorf("%s: %v is not an *Error", name, c.err)
			continue
		}
		if e.Class != c.class || !strings.Contains(e.Error()+e.Limit, c.words) {
			t.Errorf("%s: class %s, want %s; %v", name, e.Class, c.class, e)
		}
	}
}

// What is wrong with the place must not be taken for what is wrong with the rows.
func TestMisplaced(t *testing.T) {
	db := storagetest.Empty(t)
	exec(t, db, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	if err := db.Insert(t.Context(), "nope", "x", []block.Block{numbers(t, "nope", 1)}); !conn.Misplaced(err) {
		t.Errorf("no table: %v", err)
	}
	damaged := numbers(t, "t", 1, 2, 3)
	damaged.Native[len(damaged.Native)-1] ^= 1
	if err := db.Insert(t.Context(), "t", "x", []block.Block{damaged}); err == nil || conn.Misplaced(err) {
		t.Errorf("damaged rows: %v", err)
	}
	exec(t, db, "CREATE TABLE other (m UInt64) ENGINE = MergeTree ORDER BY m")
	if err := db.Insert(t.Context(), "other", "x", []block.Block{numbers(t, "other", 1)}); conn.ClassOf(err) != conn.Rejected {
		t.Errorf("a column the table lacks: %v", err)
	}
}

func TestParametersKeepEveryByte(t *testing.T) {
	db := storagetest.Empty(t)
	for _, s := range []string{"", "plain", "a'b\"c`d", `back\slash\n`, "new\nline\ttab\r\x00nul", "ünïcödé 🙂", "\\N"} {
		var got string
		_, err := db.Select(t.Context(), conn.Query{SQL: "SELECT {s:String}", Params: map[string]string{"s": s}}, func(r driver.Rows) error { return r.Scan(&got) })
		if err != nil || got != s {
			t.Errorf("parameter %q came back as %q, %v", s, got, err)
		}
	}
}

func TestCancelStopsTheQuery(t *testing.T) {
	db := storagetest.Empty(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := db.Select(ctx, conn.Query{SQL: "SELECT sleepEachRow(1), 'cancel-me' FROM numbers(60) SETTINGS max_block_size = 1"}, func(driver.Rows) error { return nil })
		done <- err
	}()
	running := "SELECT count() FROM system.processes WHERE query LIKE '%cancel-me%' AND query NOT LIKE '%system.processes%'"
	wait(t, "the query to run", func() bool { return count(t, db, running) == 1 })
	cancel()
	if err := <-done; conn.ClassOf(err) != conn.Canceled {
		t.Errorf("Select = %v, want class canceled", err)
	}
	wait(t, "the query to end at the server", func() bool { return count(t, db, running) == 0 })
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// peer is a server that treats every connection alike.
func peer(t *testing.T, serve func(net.Conn)) *conn.DB {
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
			go serve(c)
		}
	}()
	a := conn.Addr{TCPAddr: l.Addr().String(), HTTPAddr: l.Addr().String(), User: "u", Password: "s3cret", Database: "d"}
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return a }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestFailingPeers(t *testing.T) {
	refused := func() *conn.DB {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		a := conn.Addr{TCPAddr: l.Addr().String(), HTTPAddr: l.Addr().String(), User: "u", Password: "s3cret", Database: "d"}
		l.Close()
		db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return a }})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}()
	for name, c := range map[string]struct {
		db       *conn.DB
		sel, ins conn.Class
	}{
		"refuses": {refused, conn.Unavailable, conn.Unavailable},
		"hangs":   {peer(t, func(c net.Conn) { io.Copy(io.Discard, c) }), conn.Timeout, conn.Timeout},
		"resets":  {peer(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }), conn.Unavailable, conn.Unavailable},
		"500":     {peer(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"); c.Close() }), conn.Unavailable, conn.Unavailable},
		"half":    {peer(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"); c.Close() }), conn.Unavailable, conn.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			patience := 20 * time.Second
			if name == "hangs" {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			start := time.Now()
			if err := c.db.Ping(ctx); conn.ClassOf(err) != c.sel && name != "500" && name != "half" {
				t.Errorf("select = %v, want class %s", err, c.sel)
			} else if err == nil {
				t.Error("select succeeded")
			}
			err := c.db.Insert(ctx, "t", "x", []block.Block{numbers(t, "t", 1)})
			if conn.ClassOf(err) != c.ins {
				t.Errorf("insert = %v, want class %s", err, c.ins)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the password: %v", err)
			}
			if d := time.Since(start); name == "hangs" && d > 10*time.Second {
				t.Errorf("took %v past a deadline of %v", d, patience)
			}
		})
	}
}

// An engine that dies and comes back costs errors while it is away, of a class
// that says so, and nothing afterwards: the pools find their way by themselves,
// and what is sent again with its token is stored once.
func TestServerDiesAndComesBack(t *testing.T) {
	db := storagetest.Empty(t)
	exec(t, db, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100")
	blocks := []block.Block{numbers(t, "t", 1, 2, 3)}
	if err := db.Insert(t.Context(), "t", "a", blocks); err != nil {
		t.Fatal(err)
	}
	e := storagetest.Engine(t)
	restarts := e.Restarts()
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	away := 0
	wait(t, "the insert to succeed again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := db.Insert(ctx, "t", "a", blocks)
		if class := conn.ClassOf(err); err != nil && class != conn.Unavailable && class != conn.Timeout {
			t.Fatalf("insert while the server is away: %v", err)
		}
		if err != nil {
			away++
		}
		if err := db.Ping(ctx); err != nil && conn.ClassOf(err) != conn.Unavailable && conn.ClassOf(err) != conn.Timeout {
			t.Fatalf("select while the server is away: %v", err)
		}
		return err == nil && e.Restarts() > restarts
	})
	if away == 0 {
		t.Error("no insert failed while the server was away")
	}
	if n := count(t, db, "SELECT count() FROM t"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}
