package conn_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// counted is a database behind a relay that counts the connections made to the
// native port.
func counted(t *testing.T) (db *conn.DB, made *atomic.Int64) {
	t.Helper()
	addr := storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made = new(atomic.Int64)
	var wg sync.WaitGroup
	pipe := func(to, from net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		to.Close()
		from.Close()
	}
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			made.Add(1)
			out, err := net.Dial("tcp", addr.TCPAddr)
			if err != nil {
				in.Close()
				continue
			}
			wg.Go(func() { pipe(in, out) })
			wg.Go(func() { pipe(out, in) })
		}
	})
	through := addr
	through.TCPAddr = l.Addr().String()
	db, err = conn.Open(conn.Config{Addr: func() conn.Addr { return through }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		l.Close()
		wg.Wait()
	})
	return db, made
}

// sum adds up the numbers of a select in columns.
func sum(ctx context.Context, db *conn.DB, sql string) (total uint64, err error) {
	var n proto.ColUInt64
	_, err = db.Columns(ctx, conn.Query{SQL: sql}, proto.Results{{Name: "n", Data: &n}}, func() error {
		for _, v := range n {
			total += v
		}
		return nil
	})
	return total, err
}

// A connection whose read went well serves the next one; one that was given up,
// by whomever, is not used again.
func TestColumnsKeepsConnections(t *testing.T) {
	db, made := counted(t)
	good := func() {
		t.Helper()
		if got, err := sum(t.Context(), db, "SELECT number AS n FROM numbers(100000)"); err != nil || got != 4999950000 {
			t.Fatalf("%d, %v", got, err)
		}
	}
	good()
	good()
	good()
	if n := made.Load(); n != 1 {
		t.Errorf("three reads made %d connections, want 1", n)
	}

	if _, err := sum(t.Context(), db, "SELECT throwIf(number = 99999)::UInt64 AS n FROM numbers(200000)"); err == nil {
		t.Error("a statement that throws is no error")
	}
	good()
	if n := made.Load(); n != 2 {
		t.Errorf("%d connections after an error of the server, want 2", n)
	}

	stop := errors.New("enough")
	var n proto.ColUInt64
	_, err := db.Columns(t.Context(), conn.Query{SQL: "SELECT number AS n FROM numbers(10000000)"}, proto.Results{{Name: "n", Data: &n}}, func() error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("the receiver's error came back as %v", err)
	}
	good()
	if n := made.Load(); n != 3 {
		t.Errorf("%d connections after an error of the receiver, want 3", n)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err = db.Columns(ctx, conn.Query{SQL: "SELECT number AS n FROM numbers(10000000)"}, proto.Results{{Name: "n", Data: &n}}, func() error { cancel(); return nil })
	if conn.ClassOf(err) != conn.Canceled {
		t.Errorf("a cancelled read ended with %v", err)
	}
	good()
	if n := made.Load(); n != 4 {
		t.Errorf("%d connections after a cancelled read, want 4", n)
	}
}

// However many read at once, few connections wait afterwards, and none gets
// another's answer.
func TestColumnsSideBySide(t *testing.T) {
	db, _ := counted(t)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			for k := range 5 {
				ctx, cancel := t.Context(), func() {}
				if k%2 == 1 { // given up at some moment
					ctx, cancel = context.WithTimeout(ctx, time.Duration(k)*time.Millisecond)
				}
				got, err := sum(ctx, db, "SELECT number AS n FROM numbers(1000)")
				cancel()
				if err == nil && got != 499500 || err != nil && k%2 == 0 {
					t.Errorf("%d, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// Connections that waited while the engine was replaced cost nobody an error.
func TestColumnsAfterARestart(t *testing.T) {
	db := storagetest.Empty(t)
	const sql = "SELECT number AS n FROM numbers(1000)"
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := sum(t.Context(), db, sql); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	e := storagetest.Engine(t)
	restarts := e.Restarts()
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Ping has pools of its own, so the connections that wait are left alone.
	wait(t, "the engine to come back", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return e.Restarts() > restarts && db.Ping(ctx) == nil
	})
	for range 5 {
		if got, err := sum(t.Context(), db, sql); err != nil || got != 499500 {
			t.Errorf("after the restart: %d, %v", got, err)
		}
	}
}
