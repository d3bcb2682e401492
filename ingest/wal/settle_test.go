package wal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// storeAll marks every table of s and removes it.
func storeAll(t *testing.T, s *Segment) {
	t.Helper()
	for _, table := range s.Tables() {
		if err := s.Done(table); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
}

func segmentFiles(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// A stored segment is deleted only after a sync that began when it was stored,
// and not after one that failed.
func TestSegmentsSettle(t *testing.T) {
	dir := t.TempDir()
	asked, answer := make(chan int), make(chan error)
	l := open(t, Config{Dir: dir, SettlePause: time.Millisecond, Settle: func(context.Context) error {
		asked <- segmentFiles(t, dir)
		return <-answer
	}})
	appendAll(t, l, 1)
	first := sealNow(t, l)
	appendAll(t, l, 2)
	second := sealNow(t, l)

	storeAll(t, first)
	if n := <-asked; n != 2 {
		t.Fatalf("%d files at the first sync, want 2", n)
	}
	storeAll(t, second) // while the sync is under way, which may miss it
	if s := l.Stats(); s.Segments != 0 || !s.Oldest.IsZero() || s.Bytes == 0 {
		t.Errorf("%+v: settling segments are stored, and take room", s)
	}
	answer <- nil
	if n := <-asked; n != 1 {
		t.Fatalf("%d files after the first sync, want that of the second segment", n)
	}
	answer <- errors.New("input/output error")
	if n := <-asked; n != 1 {
		t.Fatalf("%d files after a sync that failed", n)
	}
	answer <- nil
	eventually(t, "the second segment is deleted", func() bool { return segmentFiles(t, dir) == 0 && l.Stats().Bytes == 0 })
}

// After a restart of the process a stored segment is not sent again, but still
// has to settle; after one of the machine it is sent again, with its token.
func TestMarksAndBoots(t *testing.T) {
	dir := t.TempDir()
	stuck := func(context.Context) error { return errors.New("no") }
	cfg := Config{Dir: dir, Settle: stuck, SettlePause: time.Millisecond, Boot: segment.Key{1}}
	l := open(t, cfg)
	appendAll(t, l, 1)
	s := sealNow(t, l)
	token := s.Piece("logs").Token
	storeAll(t, s)
	l.Close()

	l = open(t, cfg)
	if s := l.Stats(); s.Segments != 0 || s.Bytes == 0 || segmentFiles(t, dir) != 1 {
		t.Errorf("same boot: %+v", s)
	}
	l.Close()

	cfg.Boot = segment.Key{2}
	l = open(t, cfg)
	s = next(t, l)
	wantAppends(t, s.Piece("logs"), 1)
	if got := s.Piece("logs").Token; got != token || len(s.Tables()) != 2 {
		t.Errorf("another boot: token %s, want %s; tables %v", got, token, s.Tables())
	}
	storeAll(t, s)
	l.Close()

	cfg.Settle = func(context.Context) error { return nil }
	l = open(t, cfg)
	eventually(t, "the segment is deleted", func() bool { return segmentFiles(t, dir) == 0 })
	l.Close()

	// Where storage syncs by itself marks are believed, whatever the boot.
	cfg.Settle = nil
	l = open(t, cfg)
	appendAll(t, l, 3)
	s = sealNow(t, l)
	if err := s.Done("logs"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	cfg.Boot = segment.Key{3}
	l = open(t, cfg)
	if s := next(t, l); len(s.Tables()) != 1 {
		t.Errorf("tables %v", s.Tables())
	}
}

// A segment that was stored, in part or whole, when the storage lost something is sent again, also by a process that
// was started since; one that was handed out after is not.
func TestMarksAndEpochs(t *testing.T) {
	var epoch atomic.Value
	epoch.Store("first")
	settling := make(chan error)
	cfg := Config{
		Dir: t.TempDir(), SettlePause: time.Millisecond, Boot: segment.Key{1},
		Settle: func(context.Context) error { return <-settling },
		Epoch:  func() string { return epoch.Load().(string) },
	}
	l := open(t, cfg)
	appendAll(t, l, 1)
	stored := sealNow(t, l)
	token := stored.Piece("logs").Token
	appendAll(t, l, 2)
	half := sealNow(t, l)
	storeAll(t, stored)
	if err := half.Done("logs"); err != nil {
		t.Fatal(err)
	}
	half.Return()
	epoch.Store("second")
	settling <- errors.New("a part is not whole")
	again := next(t, l)
	for again.ID() != stored.ID() { // it is given back when the settler gets to it
		again.Return()
		again = next(t, l)
	}
	if got := again.Piece("logs").Token; got != token || len(again.Tables()) != 2 {
		t.Errorf("token %s, want %s; tables %v", got, token, again.Tables())
	}
	half = next(t, l)
	if len(half.Tables()) != 2 {
		t.Errorf("half stored in the first epoch: %v is left", half.Tables())
	}
	if err := again.Done("logs"); err != nil {
		t.Fatal(err)
	}
	again.Return()
	if again = next(t, l); len(again.Tables()) != 1 {
		t.Errorf("half stored in the second epoch: %v is left", again.Tables())
	}
	storeAll(t, again)
	storeAll(t, half)
	close(settling)
	eventually(t, "both segments are deleted", func() bool { return segmentFiles(t, cfg.Dir) == 0 })
	l.Close()
}

func TestSystemBoot(t *testing.T) {
	if _, err := os.Stat("/proc/sys/kernel/random/boot_id"); err != nil {
		t.Skip("no boot id here")
	}
	if a, b := systemBoot(), systemBoot(); a != b || a == (segment.Key{}) {
		t.Errorf("boot %v, then %v", a, b)
	}
}
