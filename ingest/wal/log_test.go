package wal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// open opens a log that seals only when asked, unless cfg says otherwise.
func open(t *testing.T, cfg Config) *Log {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	setDefault(&cfg.SegmentAge, time.Hour)
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendAll(t *testing.T, l *Log, ids ...uint32) {
	t.Helper()
	for _, id := range ids {
		if err := l.Append(t.Context(), segment.Key{}, blocksOf(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func next(t *testing.T, l *Log) *Segment {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := l.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealNow(t *testing.T, l *Log) *Segment {
	t.Helper()
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	return next(t, l)
}

// appends lists whose rows a table of s has, in order, once each.
func appends(t *testing.T, p Piece) (ids []uint32) {
	t.Helper()
	body, err := io.ReadAll(p.Reader())
	if err != nil {
		t.Fatal(err)
	}
	for b := range slices.Chunk(body, 4) {
		ids = append(ids, binary.LittleEndian.Uint32(b))
	}
	return slices.Compact(ids)
}

func wantAppends(t *testing.T, p Piece, want ...uint32) {
	t.Helper()
	if got := appends(t, p); !slices.Equal(got, want) {
		t.Errorf("%s has the rows of appends %v, want %v", p.Table, got, want)
	}
}

func TestAppendIsHandedOutOnceStored(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	appendAll(t, l, 1, 2, 3)
	s := sealNow(t, l)
	if got := s.Tables(); !slices.Equal(got, []string{"logs", "spans"}) {
		t.Fatalf("tables %q", got)
	}
	p := s.Piece("logs")
	if p.Rows != 2+3+4 || p.Bytes != 4*(2+3+4) || !strings.HasSuffix(p.Token, "-logs") {
		t.Errorf("piece %+v", p)
	}
	if err := iotest.TestReader(p.Reader(), slices.Concat(payload(1, 2), payload(2, 3), payload(3, 4))); err != nil {
		t.Error(err)
	}
	if err := s.Done("logs"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(); err == nil {
		t.Error("a segment with a table to be stored was removed")
	}
	token := s.Piece("spans").Token
	l.Close()

	// After a restart only what is not done comes again, with its token.
	l = open(t, Config{Dir: dir})
	s = next(t, l)
	if got := s.Tables(); !slices.Equal(got, []string{"spans"}) {
		t.Fatalf("tables %q", got)
	}
	if got := s.Piece("spans").Token; got != token {
		t.Errorf("token %s, was %s", got, token)
	}
	wantAppends(t, s.Piece("spans"), 1, 2, 3)
	if err := errors.Join(s.Done("spans"), s.Remove()); err != nil {
		t.Fatal(err)
	}
	if st := l.Stats(); st.Bytes != 0 || st.Segments != 0 || !st.Oldest.IsZero() {
		t.Errorf("stats of an empty log: %+v", st)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.wal"))
	if len(files) > 0 {
		t.Errorf("left: %v", files)
	}
}

func TestSealBySizeRowsAndAge(t *testing.T) {
	for name, cfg := range map[string]Config{
		"bytes": {SegmentBytes: 1}, "rows": {SegmentRows: 1}, "age": {SegmentAge: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, cfg)
			appendAll(t, l, 1)
			wantAppends(t, next(t, l).Piece("logs"), 1)
		})
	}
}

// While a sealed segment waits, age does not seal another: what comes in
// meanwhile makes larger parts.
func TestSegmentsGrowWhileTheConsumerIsBehind(t *testing.T) {
	l := open(t, Config{SegmentAge: time.Millisecond})
	appendAll(t, l, 1)
	for l.Stats().Segments == 0 {
		time.Sleep(time.Millisecond)
	}
	for id := range uint32(5) {
		appendAll(t, l, 10+id)
		time.Sleep(3 * time.Millisecond)
	}
	if n := l.Stats().Segments; n != 1 {
		t.Fatalf("%d segments", n)
	}
	next(t, l)
	wantAppends(t, next(t, l).Piece("logs"), 10, 11, 12, 13, 14)
}

func TestReturnedSegmentKeepsItsPlace(t *testing.T) {
	l := open(t, Config{SegmentBytes: 1})
	appendAll(t, l, 1, 2)
	a, b := next(t, l), next(t, l)
	b.Return()
	a.Return()
	wantAppends(t, next(t, l).Piece("logs"), 1)
	wantAppends(t, next(t, l).Piece("logs"), 2)
}

func TestBudget(t *testing.T) {
	l := open(t, Config{MaxBytes: 20_000, SegmentBytes: 2_000})
	var full *FullError
	n := uint32(0)
	for ; n < 10_000; n++ {
		err := l.Append(t.Context(), segment.Key{}, blocksOf(7))
		if errors.As(err, &full) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if full == nil || full.Budget != 20_000 || full.Used < 15_000 || full.Used > 20_500 || full.Err != nil {
		t.Fatalf("after %d appends: %+v", n, full)
	}
	s := next(t, l)
	for _, table := range s.Tables() {
		if err := s.Done(table); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, 7) // there is room again
}

func TestFullDisk(t *testing.T) {
	m := newFaultFS(1)
	m.space = 3_000
	l := open(t, Config{Dir: "wal", FS: m, Probe: time.Millisecond})
	acked := []uint32{}
	var err error
	for id := uint32(0); id < 1000; id++ {
		if err = l.Append(t.Context(), segment.Key{}, blocksOf(id)); err != nil {
			break
		}
		acked = append(acked, id)
	}
	var full *FullError
	if !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v", err)
	}
	m.mu.Lock()
	m.space = 0
	m.mu.Unlock()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if err = l.Append(t.Context(), segment.Key{}, blocksOf(999)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	wantAppends(t, sealNow(t, l).Piece("logs"), append(acked, 999)...)
}

// After an fsync that failed the segment takes nothing any more.
func TestFailedSync(t *testing.T) {
	m := newFaultFS(1)
	l := open(t, Config{Dir: "wal", FS: m})
	appendAll(t, l, 1)
	m.mu.Lock()
	m.fault = func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	m.mu.Unlock()
	err := l.Append(t.Context(), segment.Key{}, blocksOf(2))
	if full := (*FullError)(nil); !errors.Is(err, syscall.EIO) || errors.As(err, &full) {
		t.Fatalf("%v", err)
	}
	m.mu.Lock()
	m.fault = nil
	m.mu.Unlock()
	appendAll(t, l, 3)
	wantAppends(t, next(t, l).Piece("logs"), 1)
	wantAppends(t, sealNow(t, l).Piece("logs"), 3)
}

func TestKeys(t *testing.T) {
	m := newFaultFS(1)
	l := open(t, Config{Dir: "wal", FS: m})
	again := func(id uint32) {
		t.Helper()
		if err := l.Append(t.Context(), keyOf(id), blocksOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		again(1)
	}
	s := sealNow(t, l)
	wantAppends(t, s.Piece("logs"), 1)
	if p := s.Piece("logs"); p.Rows != 2 {
		t.Errorf("%d rows", p.Rows)
	}
	again(2)
	// The first segment is stored and gone; its key lives on in the second.
	if err := errors.Join(s.Done("logs"), s.Done("spans"), s.Remove()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.dieAt = 1
	m.mu.Unlock()
	l.Close()
	m.crash(true)
	l = open(t, Config{Dir: "wal", FS: m})
	again(1)
	again(2)
	again(3)
	wantAppends(t, next(t, l).Piece("logs"), 2)
	wantAppends(t, sealNow(t, l).Piece("logs"), 3)
	if n := counted(t, l.metrics.repeats); n != 2 {
		t.Errorf("%v repeats", n)
	}
}

func TestAppendedTogetherIsKnownApart(t *testing.T) {
	m := newFaultFS(1)
	l := open(t, Config{Dir: "wal", FS: m})
	together := func(ids ...uint32) error {
		var keys []segment.Key
		var blocks []block.Block
		for _, id := range ids {
			keys, blocks = append(keys, keyOf(id)), append(blocks, blocksOf(id)...)
		}
		return l.AppendTogether(t.Context(), keys, blocks)
	}
	if err := together(1, 2, 3); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(together(), l.AppendTogether(t.Context(), []segment.Key{keyOf(8), keyOf(9)}, nil)); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
	m.mu.Lock()
	m.dieAt = 1
	m.mu.Unlock()
	l.Close()
	m.crash(true)
	l = open(t, Config{Dir: "wal", FS: m})
	for _, ids := range [][]uint32{{3, 4}, {4, 3}, {5, 6, 5}} {
		if err := together(ids...); !errors.Is(err, ErrRepeated) {
			t.Errorf("%v: %v", ids, err)
		}
	}
	for _, id := range []uint32{1, 2, 3} {
		if err := l.Append(t.Context(), keyOf(id), blocksOf(id)); err != nil {
			t.Errorf("sent again: %v", err)
		}
	}
	if err := together(4, 5); err != nil {
		t.Fatal(err)
	}
	wantAppends(t, next(t, l).Piece("logs"), 1, 2, 3)
	wantAppends(t, sealNow(t, l).Piece("logs"), 4, 5)
}

func TestKeysAreBounded(t *testing.T) {
	k := newKeys(10)
	for id := range uint32(100) {
		k.settle(keyOf(id), time.Now().UnixNano())
	}
	if len(k.known) != 10 || k.get(keyOf(99)) == nil || k.get(keyOf(89)) != nil {
		t.Errorf("%d known", len(k.known))
	}
	if c := k.carry(time.Now()); len(c) != 10 || c[0] != keyOf(90) || c[9] != keyOf(99) {
		t.Errorf("carried %v", c)
	}
}

func TestAppendsThatGaveUpAreNotWritten(t *testing.T) {
	m := newFaultFS(1)
	l := open(t, Config{Dir: "wal", FS: m, QueueBytes: 1_000})
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.mu.Lock()
	m.fault = func(op, _ string) error {
		if op == "sync" {
			once.Do(func() {
				close(held)
				m.mu.Unlock()
				<-hold
				m.mu.Lock()
			})
		}
		return nil
	}
	m.mu.Unlock()
	var first sync.WaitGroup
	first.Go(func() { appendAll(t, l, 1) })
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := l.Append(ctx, segment.Key{}, blocksOf(2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	// What waits for the disk is bounded.
	var full *FullError
	if err := l.Append(t.Context(), segment.Key{}, []block.Block{{Table: "logs", Rows: 1, Native: make([]byte, 2_000)}}); !errors.As(err, &full) || full.Budget != 1_000 {
		t.Errorf("%v", err)
	}
	close(hold)
	first.Wait()
	wantAppends(t, sealNow(t, l).Piece("logs"), 1)
}

func TestCloseRefusesAndKeeps(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir})
	appendAll(t, l, 1)
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Fatal("two processes have the log open")
	}
	waiting := make(chan error)
	go func() {
		_, err := l.Next(context.Background())
		waiting <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) && err != nil {
		t.Errorf("next: %v", err)
	}
	if err := l.Append(t.Context(), segment.Key{}, blocksOf(2)); !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	wantAppends(t, next(t, open(t, Config{Dir: dir})).Piece("logs"), 1)
}

func TestOddAppends(t *testing.T) {
	l := open(t, Config{})
	if err := l.Append(t.Context(), segment.Key{}, nil); err != nil {
		t.Errorf("no blocks: %v", err)
	}
	if err := l.Append(t.Context(), segment.Key{}, []block.Block{{Table: strings.Repeat("x", 256), Native: []byte{1}}}); err == nil {
		t.Error("a table with a name of 256 bytes was taken")
	}
	big := block.Block{Table: "logs", Rows: 1, Native: bytes.Repeat([]byte("0123456789"), 300_000)}
	if err := l.Append(t.Context(), segment.Key{}, []block.Block{big, {Table: "spans", Rows: 1, Native: []byte("x")}, big}); err != nil {
		t.Fatal(err)
	}
	s := sealNow(t, l)
	got, err := io.ReadAll(s.Piece("logs").Reader())
	if err != nil || !bytes.Equal(got, slices.Concat(big.Native, big.Native)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	l := open(t, Config{Registerer: r})
	appendAll(t, l, 1, 2)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		m := f.Metric[0]
		got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	for name, want := range map[string]float64{"trefoil_wal_appends_total": 2, "trefoil_wal_fsync_seconds": 2, "trefoil_wal_budget_bytes": 4 << 30} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	for _, name := range []string{"trefoil_wal_bytes", "trefoil_wal_oldest_unsent_seconds"} {
		if got[name] <= 0 {
			t.Errorf("%s = %v", name, got[name])
		}
	}
}

// files lists what is in a directory of the real file system.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}
