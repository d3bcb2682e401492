package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/storage/block"
)

// BatcherConfig is what a Batcher needs. Insert is required.
type BatcherConfig struct {
	// Insert stores the blocks of one table in one piece; the same token
	// again adds nothing. It is conn.DB.Insert.
	Insert func(ctx context.Context, table, token string, blocks []block.Block) error
	// First are the tables whose rows others refer to; they are inserted
	// before the rest.
	First []string
	// Rows and Bytes (compressed) bound one flush unless a single request is
	// larger (default 500,000 and 64 MiB). Rows stay under ClickHouse's
	// insert block of about a million, so that an insert is taken or not
	// taken as a whole.
	Rows  int
	Bytes int64
	// Linger is how long the first request of a flush waits for company
	// (default 25 ms); while flushes are under way it waits for them anyway.
	Linger time.Duration
	// Flushes is how many may be under way at a time (default 2).
	Flushes int
	// QueueBytes bounds the compressed bytes of requests that wait or are
	// being inserted (default 96 MiB).
	QueueBytes int64
	// Backoff is the first pause after a failed insert; it doubles up to
	// MaxBackoff, with jitter (default 50 ms and 2 s).
	Backoff, MaxBackoff time.Duration
	// RetryAfter is the delay told to refused clients (default 2 s).
	RetryAfter time.Duration
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger
}

func (c *BatcherConfig) setDefaults() {
	if c.Rows <= 0 {
		c.Rows = 500_000
	}
	if c.Bytes <= 0 {
		c.Bytes = 64 << 20
	}
	if c.Linger <= 0 {
		c.Linger = 25 * time.Millisecond
	}
	if c.Flushes <= 0 {
		c.Flushes = 2
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 96 << 20
	}
	if c.Backoff <= 0 {
		c.Backoff = 50 * time.Millisecond
	}
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = 2 * time.Second
	}
	if c.RetryAfter <= 0 {
		c.RetryAfter = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Batcher is the Sink that inserts into ClickHouse: the blocks of requests
// that arrive together become one insert per table.
type Batcher struct {
	cfg       BatcherConfig
	telemetry *insertTelemetry
	bytes     atomic.Int64 // of requests not answered yet

	mu      sync.Mutex
	queue   []*ticket
	closing bool
	wake    chan struct{} // has room for one: the queue or closing changed

	slots chan struct{} // one element per flush under way
	done  chan struct{} // the dispatcher ended
	stop  context.CancelFunc
	ctx   context.Context // ends when Close gives up
}

// ticket is one request in the queue.
type ticket struct {
	blocks []block.Block
	rows   int
	bytes  int64
	answer chan error // has room for one
	flush  *flush     // once taken from the queue; guarded by Batcher.mu
}

// NewBatcher starts a Batcher. It ends with Close.
func NewBatcher(cfg BatcherConfig) *Batcher {
	cfg.setDefaults()
	b := &Batcher{
		cfg:   cfg,
		wake:  make(chan struct{}, 1),
		slots: make(chan struct{}, cfg.Flushes),
		done:  make(chan struct{}),
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.telemetry = newInsertTelemetry(cfg.Registerer, func() float64 { return float64(b.bytes.Load()) })
	go b.dispatch()
	return b
}

// Insert is the Sink. When ctx ends before the rows are known to be stored it
// answers a *Refusal with the last thing ClickHouse said.
func (b *Batcher) Insert(ctx context.Context, blocks []block.Block) error {
	t := &ticket{blocks: blocks, answer: make(chan error, 1)}
	for i := range blocks {
		t.rows += blocks[i].Rows
		t.bytes += int64(len(blocks[i].Native))
	}
	defer b.bytes.Add(-t.bytes)
	if n := b.bytes.Add(t.bytes); n > b.cfg.QueueBytes && n > t.bytes {
		return b.refuse(RefusedQueue, fmt.Errorf("%d bytes wait to be inserted, limit %d", n-t.bytes, b.cfg.QueueBytes))
	}
	if !b.enqueue(t) {
		return b.refuse(RefusedClosing, errors.New("the server is stopping"))
	}
	select {
	case err := <-t.answer:
		return err
	case <-ctx.Done():
		return b.leave(ctx, t)
	}
}

func (b *Batcher) refuse(why RefusalReason, err error) error {
	return &Refusal{Reason: why, RetryAfter: b.cfg.RetryAfter, Err: err}
}

func (b *Batcher) enqueue(t *ticket) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return false
	}
	b.queue = append(b.queue, t)
	b.signal()
	return true
}

func (b *Batcher) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// leave gives up on t. Still in the queue, it is taken out and is certainly
// not stored; in a flush, the flush goes on for the others, and ends when
// nobody is left.
func (b *Batcher) leave(ctx context.Context, t *ticket) error {
	b.mu.Lock()
	f := t.flush
	if f == nil {
		if i := slices.Index(b.queue, t); i >= 0 {
			b.queue = slices.Delete(b.queue, i, i+1)
		}
	}
	b.mu.Unlock()
	if f == nil {
		return b.refuse(RefusedUnavailable, fmt.Errorf("waiting for earlier inserts: %w", context.Cause(ctx)))
	}
	select {
	case err := <-t.answer: // it came at the same moment
		return err
	default:
	}
	f.leave()
	cause := context.Cause(ctx)
	if last := f.lastError(); last != nil {
		cause = last
	}
	return b.refuse(RefusedUnavailable, fmt.Errorf("insert: %w", cause))
}

// dispatch makes flushes out of the queue until the Batcher is closed and the
// queue is empty.
func (b *Batcher) dispatch() {
	defer close(b.done)
	for b.await() {
		b.linger()
		b.slots <- struct{}{}
		f := b.take()
		if f == nil { // all of them gave up meanwhile
			<-b.slots
			continue
		}
		go func() {
			defer func() { <-b.slots }()
			f.run()
		}()
	}
	for range cap(b.slots) { // until the last flush is done
		b.slots <- struct{}{}
	}
}

// await waits for a request; false when there will be none any more.
func (b *Batcher) await() bool {
	for {
		b.mu.Lock()
		n, closing := len(b.queue), b.closing
		b.mu.Unlock()
		if n > 0 {
			return true
		}
		if closing {
			return false
		}
		<-b.wake
	}
}

// linger lets more requests come, until they fill a flush.
func (b *Batcher) linger() {
	timer := time.NewTimer(b.cfg.Linger)
	defer timer.Stop()
	for {
		b.mu.Lock()
		n, full := b.fill()
		closing := b.closing
		b.mu.Unlock()
		if full || closing || n == 0 {
			return
		}
		select {
		case <-timer.C:
			return
		case <-b.wake:
		}
	}
}

// fill counts the requests from the front of the queue that make one flush,
// and says whether they are as much as it may hold.
func (b *Batcher) fill() (n int, full bool) {
	rows, bytes := 0, int64(0)
	for _, t := range b.queue {
		rows += t.rows
		bytes += t.bytes
		if n > 0 && (rows > b.cfg.Rows || bytes > b.cfg.Bytes) {
			return n, true
		}
		n++
	}
	return n, rows >= b.cfg.Rows || bytes >= b.cfg.Bytes
}

// take moves the front of the queue into a flush; nil when it is empty.
func (b *Batcher) take() *flush {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _ := b.fill()
	if n == 0 {
		return nil
	}
	f := newFlush(b, slices.Clone(b.queue[:n]))
	for _, t := range f.tickets {
		t.flush = f
	}
	b.queue = slices.Delete(b.queue, 0, n)
	return f
}

// Close stops taking requests, inserts what waits, and returns when all of it
// is answered or, with an error, when ctx ends.
func (b *Batcher) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closing = true
	b.signal()
	b.mu.Unlock()
	select {
	case <-b.done:
		b.stop()
		return nil
	case <-ctx.Done():
		left := b.bytes.Load()
		b.stop()
		<-b.done
		return fmt.Errorf("ingest: close: %d bytes were not inserted and their requests refused: %w", left, context.Cause(ctx))
	}
}
