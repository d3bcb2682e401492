package journal

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// What comes while the store is away is written when it is back: of state the
// newest, of history everything, once, and what is beyond the bound is counted.
func TestStoreAway(t *testing.T) {
	there := storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))
	var away atomic.Bool
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr {
		a := there
		if away.Load() {
			a.TCPAddr, a.HTTPAddr = "127.0.0.1:1", "127.0.0.1:1"
		}
		return a
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := schema.Migrate(ctx, db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	store := alertstore.New(db, 30)
	failed, lost := 0, 0
	j := New(Config{
		Store: store, Tenant: tenant.Default, Timeout: 20 * time.Second, Logger: slog.New(slog.DiscardHandler),
		Failed: func() { failed++ }, Lost: func(events int) { lost += events },
	})
	now := time.Now()
	append := func(state uint8, events int) {
		history := make([]alertstore.Event, events)
		for i := range history {
			history[i] = alertstore.Event{Time: now, Kind: alertstore.BeganFiring, Fingerprint: uint64(i)}
		}
		j.Append(ctx, []alertstore.Instance{{RuleID: 1, Fingerprint: 2, Group: "g", Alert: "a", State: state, ActiveAt: now, FiredAt: now}},
			history)
	}
	kept := func() (state uint8, events int) {
		t.Helper()
		rows, err := store.Instances(ctx, tenant.Default, now.Add(-time.Hour))
		if err != nil || len(rows) != 1 {
			t.Fatalf("%v, %v", rows, err)
		}
		return rows[0].State, int(storagetest.Count(t, db, "SELECT count() FROM alert_history"))
	}
	append(1, 2)
	if state, events := kept(); state != 1 || events != 2 {
		t.Errorf("state %d, %d events", state, events)
	}
	away.Store(true)
	append(2, 3)
	append(0, 4) // not tried: the store is left alone for a while
	append(2, maxUnwritten)
	if failed != 1 || lost != 7 {
		t.Errorf("%d failures, %d events lost", failed, lost)
	}
	j.Flush(ctx)
	away.Store(false)
	j.Flush(ctx)
	j.Flush(ctx)
	if state, events := kept(); failed != 2 || state != 2 || events != 2+maxUnwritten {
		t.Errorf("%d failures, state %d, %d events", failed, state, events)
	}

	away.Store(true)
	append(1, 1)
	j.Flush(ctx)
	j.Forget() // another process goes on
	away.Store(false)
	j.Flush(ctx)
	if state, events := kept(); state != 2 || events != 2+maxUnwritten {
		t.Errorf("state %d, %d events of a journal that has forgotten them", state, events)
	}
}
