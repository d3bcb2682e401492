package wal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// world is a log under test with the clients before it and the database behind
// it. The latter two outlive its crashes.
type world struct {
	t   *testing.T
	fs  *faultFS
	rnd *rand.Rand

	mu     sync.Mutex
	tokens map[string]bool
	rows   map[string]map[uint32]int // table → append → times stored
}

func newWorld(t *testing.T, seed uint64) *world {
	return &world{
		t: t, fs: newFaultFS(seed), rnd: rand.New(rand.NewPCG(seed, 2)),
		tokens: map[string]bool{}, rows: map[string]map[uint32]int{},
	}
}

func (w *world) open() (*Log, error) {
	return Open(Config{
		Dir: "wal", FS: w.fs, SegmentBytes: 3000, SegmentAge: time.Millisecond,
		Probe: time.Microsecond, Requeued: time.Hour, Logger: slog.New(slog.DiscardHandler),
	})
}

// payload is rows of 4 bytes that all name the append.
func payload(id uint32, rows int) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint32(nil, id), rows)
}

func blocksOf(id uint32) []block.Block {
	logs, spans := 1+int(id%50), 1+int(id%7)
	return []block.Block{
		{Table: "logs", Rows: logs, Native: payload(id, logs)},
		{Table: "spans", Rows: spans, Native: payload(id, spans)},
	}
}

func keyOf(id uint32) (k segment.Key) {
	binary.LittleEndian.PutUint32(k[:], id+1)
	return k
}

// insert is the database: a token it knows adds nothing.
func (w *world) insert(p Piece) error {
	body, err := io.ReadAll(p.Reader())
	if err != nil {
		return err
	}
	if len(body) != p.Rows*4 || int64(len(body)) != p.Bytes {
		return fmt.Errorf("%d bytes for %d rows", len(body), p.Rows)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tokens[p.Token] {
		return nil
	}
	w.tokens[p.Token] = true
	table := w.rows[p.Table]
	if table == nil {
		table = map[uint32]int{}
		w.rows[p.Table] = table
	}
	for b := range slices.Chunk(body, 4) {
		table[binary.LittleEndian.Uint32(b)]++
	}
	return nil
}

// consume stores segments until ctx ends or the log fails.
func (w *world) consume(ctx context.Context, l *Log) {
	for {
		s, err := l.Next(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, ErrClosed) || errors.Is(err, errDead) {
				return
			}
			continue
		}
		if err := w.store(s); err != nil {
			s.Return()
			if errors.Is(err, errDead) {
				return
			}
		}
	}
}

func (w *world) store(s *Segment) error {
	for _, table := range s.Tables() {
		if err := w.insert(s.Piece(table)); err != nil {
			return err
		}
		s.Done(table) // lost, it is sent again
	}
	return errors.Join(s.Remove(), nil)
}

// live appends ids from several clients while a consumer runs, and returns the
// ids that were not acked.
func (w *world) live(l *Log, ids []uint32, again bool) (left []uint32) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var consumer, clients sync.WaitGroup
	consumer.Go(func() { w.consume(ctx, l) })
	var mu sync.Mutex
	for part := range slices.Chunk(ids, max(1, len(ids)/3+1)) {
		clients.Go(func() {
			var together []uint32 // acked as one
			for i, id := range part {
				if slices.Contains(together, id) {
					continue
				}
				if id%3 == 0 && i+1 < len(part) {
					together = []uint32{id, part[i+1]}
					if l.AppendTogether(ctx, []segment.Key{keyOf(id), keyOf(part[i+1])}, slices.Concat(blocksOf(id), blocksOf(part[i+1]))) == nil {
						continue
					}
					together = nil // each by itself: nobody was told anything
				}
				err := l.Append(ctx, keyOf(id), blocksOf(id))
				for again && err != nil && ctx.Err() == nil && !w.dead() {
					time.Sleep(10 * time.Microsecond)
					err = l.Append(ctx, keyOf(id), blocksOf(id))
				}
				if err != nil {
					mu.Lock()
					left = append(left, id)
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	if err := l.Seal(ctx); err != nil {
		w.t.Error(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !w.dead() && l.Stats().Segments > 0; time.Sleep(20 * time.Microsecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("segments are never stored: %+v", l.Stats())
		}
	}
	cancel()
	consumer.Wait()
	return left
}

func (w *world) dead() bool {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	return w.fs.dieAt > 0 && w.fs.ops >= w.fs.dieAt
}

// check says what is missing or doubled.
func (w *world) check(n int) (wrong []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range uint32(n) {
		for _, b := range blocksOf(id) {
			if got := w.rows[b.Table][id]; got != b.Rows {
				wrong = append(wrong, fmt.Sprintf("append %d: %d rows in %s, want %d", id, got, b.Table, b.Rows))
			}
		}
	}
	return wrong
}

// counted is the value of a counter.
func counted(t *testing.T, c prometheus.Collector) (sum float64) {
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

func ids(n int) (all []uint32) {
	for i := range uint32(n) {
		all = append(all, i)
	}
	return all
}

// TestCrashAtEveryPoint runs the same load again and again and lets the
// process, or the machine, die at the first operation on the file system, at
// the second, and so on. After the restart clients send again what was not
// acked. Everything must be stored exactly once, and a crash must not look
// like damage.
func TestCrashAtEveryPoint(t *testing.T) {
	const appends = 24
	for _, power := range []bool{false, true} {
		t.Run(fmt.Sprintf("power=%v", power), func(t *testing.T) {
			t.Parallel()
			points := 0
			for seed := range uint64(20) {
				for at := 1; !crashOnce(t, seed, at, power, appends) && !t.Failed(); at++ {
					points++
				}
			}
			t.Logf("%d crashes", points)
		})
	}
}

// crashOnce is true when the load was through before the crash came.
func crashOnce(t *testing.T, seed uint64, at int, power bool, appends int) (through bool) {
	w := newWorld(t, seed<<32|uint64(at))
	w.fs.dieAt = at
	left := ids(appends)
	corrupt := 0.0
	for restart := 0; ; restart++ {
		l, err := w.open()
		if err == nil {
			left = w.live(l, left, false)
			corrupt += counted(t, l.metrics.corrupt)
			through = restart == 0 && !w.dead()
			died := w.dead()
			l.Close()
			if !died && !w.dead() {
				break
			}
		} else if !w.dead() {
			t.Fatalf("point %d: %v", at, err)
		}
		w.fs.crash(power)
		if restart == 0 && at%3 == 0 {
			w.fs.dieAt = w.fs.ops + 1 + at%17 // once more, while it recovers
		}
	}
	if len(left) > 0 {
		t.Errorf("point %d: not acked: %v", at, left)
	}
	for _, wrong := range w.check(appends) {
		t.Errorf("point %d: %s", at, wrong)
	}
	if corrupt > 0 {
		t.Errorf("point %d: the crash was taken for damage %v times", at, corrupt)
	}
	return through
}

// TestFaults lets operations of every kind fail by chance, and the process or
// the machine die once. Clients try again until they are acked.
func TestFaults(t *testing.T) {
	const appends = 60
	for seed := range uint64(150) {
		w := newWorld(t, seed)
		w.fs.fault = chance(seed)
		w.fs.dieAt = 20 + w.rnd.IntN(400)
		left := ids(appends)
		for range 2 {
			var l *Log
			var err error
			for range 200 {
				if l, err = w.open(); err == nil {
					break
				}
			}
			if err == nil {
				left = w.live(l, left, true)
				l.Close()
			}
			w.fs.crash(seed%3 > 0)
			w.fs.fault = nil
		}
		w.requeueAll()
		if l, err := w.open(); err != nil {
			t.Error(err)
		} else {
			w.live(l, nil, true)
			l.Close()
		}
		if len(left) > 0 {
			t.Errorf("seed %d: not acked: %v", seed, left)
		}
		for _, wrong := range w.check(appends) {
			t.Errorf("seed %d: %s", seed, wrong)
		}
	}
}

// requeueAll gives back what was set aside for not being readable.
func (w *world) requeueAll() {
	files, _ := w.fs.List("wal/quarantine")
	for _, f := range files {
		if strings.HasSuffix(f.Name, segment.Suffix) {
			w.fs.Rename("wal/quarantine/"+f.Name, "wal/requeue/"+f.Name)
		}
	}
}

// chance lets one operation in eight fail. Spared are truncate and the sync
// after it that undo a sync that failed: when these fail too, an append that
// was refused may come back, as Append says.
func chance(seed uint64) func(op, name string) error {
	rnd := rand.New(rand.NewPCG(seed, 3))
	faults := []error{syscall.EIO, syscall.ENOSPC, &shortWrite{n: 20}, &shortWrite{n: 1, err: syscall.EDQUOT}}
	failed := ""
	return func(op, name string) error {
		if op == "sync" && name == failed {
			failed = ""
			return nil
		}
		if op == "truncate" || op == "rename" || op == "list" || rnd.IntN(8) > 0 {
			return nil
		}
		if op == "write" {
			return faults[rnd.IntN(len(faults))]
		}
		if op == "sync" {
			failed = name
		}
		return faults[rnd.IntN(2)]
	}
}
