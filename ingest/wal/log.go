package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// Log is an open write-ahead log. All methods may be called concurrently.
type Log struct {
	cfg     Config
	lock    io.Closer
	metrics *metrics

	mu      sync.Mutex
	queue   []*ticket // appends the committer has not taken yet
	queued  int64     // bytes of appends not answered yet
	used    int64     // bytes of files, and of appends not answered yet
	keys    keys
	ready   []*sealed     // sealed segments nobody has, oldest first
	held    []*sealed     // handed out
	settled []*sealed     // stored, not deleted yet; see settle.go
	changed chan struct{} // closed and replaced when ready or closing changes
	first   time.Time     // of the active segment's first append; zero: none
	sealNow []chan struct{}
	full    error     // the disk's word when it was full last
	retry   time.Time // when a full disk is tried again
	closing bool

	wake        chan struct{} // has room for one: the committer has something to see
	wakeSettler chan struct{} // likewise
	done        chan struct{} // the committer ended

	// The committer's own.
	active    *segment.Writer
	activeSeq uint64
	nextSeq   uint64
	looked    time.Time // at the requeue directory
}

// ticket is one append on its way to the disk.
type ticket struct {
	keys      []segment.Key // of the requests in it
	entry     *segment.Entry
	came      time.Time
	followers int           // appends with the same key that wait for it; guarded by Log.mu
	done      chan struct{} // closed when err is final
	err       error
}

// Stats is the state of the log at a moment.
type Stats struct {
	Bytes    int64     // used of MaxBytes
	Segments int       // sealed and not removed
	Oldest   time.Time // of the oldest append not stored yet; zero when there is none
}

// Stats reports the state of the log.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Bytes: l.used, Segments: len(l.ready) + len(l.held), Oldest: l.first}
	for _, list := range [][]*sealed{l.ready, l.held} {
		for _, g := range list {
			if s.Oldest.IsZero() || g.oldest.Before(s.Oldest) {
				s.Oldest = g.oldest
			}
		}
	}
	return s
}

// Append makes blocks durable, all of them or none: a nil answer means they
// are on disk and will be handed to the consumer, also after a crash. Blocks
// belong to the log from the call on.
//
// key identifies the request. A key the log has already is answered as the
// first append with it was, and nothing is written; the zero Key is never
// known. Keys are remembered for a while and through a crash (Config.Keys).
//
// Errors: a *FullError when there is no room, ErrClosed, the context's, and
// those of the disk. After a *FullError or ErrClosed nothing is kept; after
// any other the blocks may be found on disk by a restart, and a retry with the
// same key is safe.
func (l *Log) Append(ctx context.Context, key segment.Key, blocks []block.Block) error {
	return l.AppendTogether(ctx, []segment.Key{key}, blocks)
}

// AppendTogether is Append for several requests, which are one from then on: all
// of their keys are remembered when the blocks are on disk, and none before. When
// a key is known already, or there twice, nothing is done and the answer is
// ErrRepeated: their requests have to be appended one by one.
func (l *Log) AppendTogether(ctx context.Context, keys []segment.Key, blocks []block.Block) error {
	if ctx.Err() != nil { // before the checksums are made
		return fmt.Errorf("wal: append: %w", context.Cause(ctx))
	}
	if len(keys) == 0 {
		keys = []segment.Key{{}}
	}
	entry, err := segment.NewEntry(keys, blocks) // which makes the checksums, here and not in the committer
	if err != nil {
		return fmt.Errorf("wal: append: %w", err)
	}
	if entry.Empty() {
		return nil
	}
	t := &ticket{keys: keys, entry: entry, came: time.Now(), done: make(chan struct{})}
	earlier, err := l.enqueue(t)
	if err != nil {
		return err
	}
	waitFor := t
	if earlier != nil {
		waitFor = earlier
		l.metrics.repeats.Inc()
	}
	select {
	case <-waitFor.done:
		return waitFor.err
	case <-ctx.Done():
		l.leave(waitFor, earlier != nil)
		return fmt.Errorf("wal: append: %w", context.Cause(ctx))
	}
}

// enqueue hands t to the committer, unless there is no room or its key is
// known: then the append to wait for is returned.
func (l *Log) enqueue(t *ticket) (earlier *ticket, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, size := l.cfg.Now(), t.entry.Size()
	if earlier = l.keys.any(t.keys); earlier != nil {
		if len(t.keys) > 1 {
			return nil, ErrRepeated
		}
		earlier.followers++
		return earlier, nil
	}
	switch {
	case l.closing:
		return nil, ErrClosed
	case l.full != nil && now.Before(l.retry):
		return nil, l.refuse(refusedDisk, l.full)
	case l.used+size > l.cfg.MaxBytes:
		return nil, l.refuse(refusedBudget, nil)
	case l.queued > 0 && l.queued+size > l.cfg.QueueBytes:
		return nil, l.refuse(refusedQueue, nil)
	}
	l.used += size
	l.queued += size
	t.entry.Time = now.UnixNano()
	l.queue = append(l.queue, t)
	l.keys.put(t)
	l.signal()
	return nil, nil
}

func (l *Log) refuse(reason string, disk error) error {
	l.metrics.refused.WithLabelValues(reason).Inc()
	if reason == refusedQueue {
		return &FullError{Used: l.queued, Budget: l.cfg.QueueBytes}
	}
	return &FullError{Used: l.used, Budget: l.cfg.MaxBytes, Err: disk}
}

// leave gives up waiting for t. When nobody else waits and the committer has
// not taken it, it will not be written at all.
func (l *Log) leave(t *ticket, follower bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if follower {
		t.followers--
		return
	}
	if i := slices.Index(l.queue, t); i >= 0 && t.followers == 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		l.finish(t, context.Canceled)
	}
}

// finish answers t. The caller holds mu.
func (l *Log) finish(t *ticket, err error) {
	l.queued -= t.entry.Size()
	if err != nil {
		l.used -= t.entry.Size()
		l.keys.drop(t)
	} else {
		for _, k := range t.keys {
			l.keys.settle(k, t.entry.Time)
		}
	}
	t.err = err
	t.entry.Free()
	close(t.done)
}

// Seal seals what was acked so far, so that it is handed out without waiting
// for age or size. It is for a graceful stop and for tests.
func (l *Log) Seal(ctx context.Context) error {
	sealed := make(chan struct{})
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return ErrClosed
	}
	l.sealNow = append(l.sealNow, sealed)
	l.signal()
	l.mu.Unlock()
	select {
	case <-sealed:
		return nil
	case <-l.done:
		return nil // Close sealed it
	case <-ctx.Done():
		return fmt.Errorf("wal: seal: %w", context.Cause(ctx))
	}
}

// Close refuses further appends, makes those under way durable, seals and
// ends. Next answers ErrClosed from then on; segments that were handed out
// stay valid, but the directory is free for another process.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closing = true
	l.announce()
	l.signal()
	l.mu.Unlock()
	<-l.done
	if err := l.lock.Close(); err != nil {
		return errors.Join(errors.New("wal: close: lock"), err)
	}
	return nil
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// announce wakes everybody in Next. The caller holds mu.
func (l *Log) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}
