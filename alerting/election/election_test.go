package election_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/election"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// life is long enough for a busy machine: what a holder does in a fifth of it
// is two short statements.
const life = 5 * time.Second

// place is a database and how to reach it, until it is cut off.
type place struct {
	addr conn.Addr
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))}
	db, _ := p.open(t)
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// open connects; cut sends what comes later to where nobody is.
func (p place) open(t *testing.T) (db *conn.DB, cut func(bool)) {
	t.Helper()
	var gone atomic.Bool
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr {
		a := p.addr
		if gone.Load() {
			a.TCPAddr, a.HTTPAddr = "127.0.0.1:1", "127.0.0.1:1"
		}
		return a
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, gone.Store
}

func (p place) candidate(t *testing.T, instance, process string) (e *election.Election, cut func(bool)) {
	t.Helper()
	db, cut := p.open(t)
	return election.New(election.Config{
		Store: alertstore.New(db, 30), Tenant: "default", Instance: instance, Process: process, URL: "http://" + instance, Life: life,
	}), cut
}

func await(t *testing.T, e *election.Election) *election.Term {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	term, err := e.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, _ := p.candidate(t, "a", "1")
	first := await(t, a)
	if !first.Certain() || first.Confirm(t.Context()) != nil {
		t.Error("the holder does not know that it is")
	}
	b, _ := p.candidate(t, "b", "1")
	next := make(chan *election.Term, 1)
	go func() { next <- await(t, b) }()
	select {
	case <-next:
		t.Fatal("two are in charge")
	case <-time.After(2 * life): // The holder claims turn after turn.
	}
	if first.Context().Err() != nil || b.Seen().Holder != "a/1" || b.Seen().URL != "http://a" {
		t.Fatalf("%v, %+v", first.Context().Err(), b.Seen())
	}
	if err := first.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := <-next
	if first.Certain() || !second.Certain() {
		t.Error("who resigned is in charge")
	}
	// A later process of the same instance need not wait for a holder it knows
	// to be dead.
	later, _ := p.candidate(t, "b", "2")
	third := await(t, later)
	<-second.Context().Done()
	if !errors.Is(context.Cause(second.Context()), election.ErrLost) || !errors.Is(second.Confirm(t.Context()), election.ErrLost) || !third.Certain() {
		t.Errorf("%v", context.Cause(second.Context()))
	}
}

// A holder that is cut off from the store is not certain any more before
// another one takes over, and knows when it sees the store again.
func TestCutOff(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, cut := p.candidate(t, "a", "1")
	first := await(t, a)
	cut(true)
	b, _ := p.candidate(t, "b", "1")
	second := await(t, b)
	if first.Certain() {
		t.Error("two are certain")
	}
	if err := first.Context().Err(); err != nil {
		t.Errorf("a term ended although nobody is known to be in charge: %v", err)
	}
	if err := first.Confirm(t.Context()); err != nil {
		t.Errorf("%v; want none while the store cannot be asked", err)
	}
	cut(false)
	if err := first.Confirm(t.Context()); !errors.Is(err, election.ErrLost) {
		t.Errorf("%v; want %v", err, election.ErrLost)
	}
	if <-first.Context().Done(); !second.Certain() {
		t.Error("nobody is certain")
	}
}

// After an outage that all had, the holder goes on.
func TestOutage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, cutA := p.candidate(t, "a", "1")
	first := await(t, a)
	b, cutB := p.candidate(t, "b", "1")
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		_, err := b.Await(ctx)
		stopped <- err
	}()
	cutA(true)
	cutB(true)
	for first.Certain() {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(life)
	cutA(false)
	cutB(false)
	for deadline := time.Now().Add(time.Minute); !first.Certain(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the holder does not come back")
		}
	}
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("the other one: %v", err)
	}
}
