package conn_test

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// What a table holds is another number after whatever happens to it, for the day
// it happens to alone, and is asked for again only when something may have.
func TestContents(t *testing.T) {
	ep := storagetest.Database(t, storagetest.Start(t))
	for _, sole := range []bool{false, true} {
		t.Run(fmt.Sprintf("sole=%v", sole), func(t *testing.T) {
			db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return storagetest.Addr(ep) }, Sole: sole})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			const first = 20_000 // a day
			table := fmt.Sprintf("days_%v", sole)
			exec(t, db, "CREATE TABLE "+table+" (day Date, n UInt64) ENGINE = MergeTree PARTITION BY (day, n % 1) ORDER BY n")
			var asked atomic.Int64
			ctx := conn.Traced(t.Context(), func(conn.Ran) { asked.Add(1) })
			contents := func(ctx context.Context) map[uint32]uint64 {
				t.Helper()
				out := map[uint32]uint64{}
				for at, of := range db.Contents(ctx, []string{table}, time.Unix(first*86_400, 0), time.Unix((first+1)*86_400, 0)) {
					if at.Table != table {
						t.Errorf("not asked for: %v", at)
					}
					out[at.Day] = of
				}
				return out
			}
			if got := contents(t.Context()); len(got) != 0 {
				t.Errorf("an empty table has %v", got)
			}
			before := map[uint32]uint64{}
			for _, sql := range []string{
				"INSERT INTO %s VALUES (20000, 1)", "INSERT INTO %s VALUES (20000, 1)", "OPTIMIZE TABLE %s PARTITION ID '20241004-0' FINAL",
				"ALTER TABLE %s DELETE WHERE n = 1 SETTINGS mutations_sync = 2",
			} {
				exec(t, db, fmt.Sprintf(sql, table))
				after := contents(t.Context())
				if maps.Equal(before, after) {
					t.Errorf("%s: nothing has changed: %v", sql, after)
				}
				before = after
			}
			exec(t, db, "INSERT INTO "+table+" VALUES (20000, 1), (20001, 1)")
			both := contents(t.Context())
			if len(both) != 2 {
				t.Fatalf("two days: %v", both)
			}
			exec(t, db, "INSERT INTO "+table+" VALUES (20001, 2), (20002, 2)")
			after := contents(ctx)
			if len(after) != 2 || after[first] != both[first] || after[first+1] == both[first+1] {
				t.Errorf("the second day alone: %v, before %v", after, both)
			}
			for range 3 {
				if again := contents(ctx); !maps.Equal(again, after) {
					t.Errorf("%v, a moment before %v", again, after)
				}
			}
			if n := asked.Load(); sole && n == 4 || !sole && n != 4 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
