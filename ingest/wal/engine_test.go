package wal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// TestSegmentIsAnInsertBody sends a sealed segment to a real engine as it is
// on disk, from two lives of the log: the second time its token makes it
// nothing. The halves of a piece are inserts of their own.
func TestSegmentIsAnInsertBody(t *testing.T) {
	const requests, records = 20, 50
	db := storagetest.DB(t)
	dir := t.TempDir()
	l := openLog(t, dir)
	sequence := logstore.NewSequence()
	for i := range requests {
		batch := logstore.NewBatch("default", 30, sequence)
		for j := range records {
			batch.Append(&logstore.Record{
				Time: time.Now().UnixNano(), Body: attribute.StringValue(fmt.Sprintf("request %d record %d", i, j)), Service: "shop",
				Attributes: []attribute.KeyValue{{Key: fmt.Sprintf("key.%d", i), Value: attribute.IntValue(int64(j))}},
			})
		}
		blocks, err := batch.Blocks(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(t.Context(), segment.Key{}, blocks); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	for range 2 {
		l := openLog(t, dir)
		s, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		send(t, db, s.Piece("logs"))
		if n := count(t, db); n != requests*records {
			t.Fatalf("%d rows, want %d", n, requests*records)
		}
		s.Return()
		l.Close()
	}

	l = openLog(t, dir)
	s, err := l.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, b, ok := s.Piece("logs").Halves()
	if !ok {
		t.Fatal("a piece of 20 requests has no halves")
	}
	send(t, db, a)
	send(t, db, b)
	send(t, db, a)
	if n := count(t, db); n != 2*requests*records {
		t.Errorf("%d rows after its halves, want %d", n, 2*requests*records)
	}
	l.Close()
}

func openLog(t *testing.T, dir string) *wal.Log {
	t.Helper()
	l, err := wal.Open(wal.Config{Dir: dir, SegmentAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func send(t *testing.T, db *conn.DB, p wal.Piece) {
	t.Helper()
	if err := db.InsertStream(t.Context(), p.Table, p.Token, p.Reader(), p.Bytes); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *conn.DB) (n uint64) {
	t.Helper()
	_, err := db.Select(t.Context(), conn.Query{SQL: "SELECT count() FROM logs"}, func(r driver.Rows) error { return r.Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
