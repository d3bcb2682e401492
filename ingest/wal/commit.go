package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// commitBytes bounds one commit, so that the first of a long queue is not
// answered with the last.
const commitBytes = 16 << 20

// run is the committer: the only goroutine that writes to the active segment.
// It takes whatever waits, writes it in one piece, syncs once and answers; the
// appends that come meanwhile are the next commit.
func (l *Log) run() {
	defer close(l.done)
	for {
		batch, closing := l.take()
		switch {
		case len(batch) > 0:
			l.commit(batch)
		case closing:
			l.sealActive()
			return
		}
		l.sealDue()
		l.takeRequeued()
	}
}

// take waits for something to do and returns the next batch. Empty, it is time
// for something else.
func (l *Log) take() (batch []*ticket, closing bool) {
	for {
		l.mu.Lock()
		var bytes int64
		for bytes < commitBytes && len(batch) < len(l.queue) {
			bytes += l.queue[len(batch)].entry.Size()
			batch = l.queue[:len(batch)+1]
		}
		l.queue = l.queue[len(batch):]
		closing = l.closing
		pause := l.pause()
		l.mu.Unlock()
		if len(batch) > 0 || closing || pause <= 0 {
			return batch, closing
		}
		timer := time.NewTimer(pause)
		select {
		case <-l.wake:
			timer.Stop()
		case <-timer.C:
			return nil, false
		}
	}
}

// pause is how long nothing needs to be done when no append comes. The caller
// holds mu.
func (l *Log) pause() time.Duration {
	if len(l.sealNow) > 0 {
		return 0
	}
	now := l.cfg.Now()
	pause := l.cfg.Requeued - now.Sub(l.looked)
	if !l.first.IsZero() && !l.waiting() {
		pause = min(pause, l.cfg.SegmentAge-now.Sub(l.first))
	}
	return pause
}

// waiting tells whether a sealed segment waits for the consumer; those that rest
// do not. The caller holds mu.
func (l *Log) waiting() bool {
	return slices.ContainsFunc(l.ready, func(g *sealed) bool { return g.left == nil })
}

// sealDue seals the active segment when it is full or old, or when somebody
// asked for it.
func (l *Log) sealDue() {
	l.mu.Lock()
	asked := l.sealNow
	l.sealNow = nil
	old := !l.first.IsZero() && !l.waiting() && l.cfg.Now().Sub(l.first) >= l.cfg.SegmentAge
	l.mu.Unlock()
	if old || len(asked) > 0 || l.active != nil && l.active.Full(l.cfg.SegmentBytes, l.cfg.SegmentRows) {
		l.sealActive()
	}
	for _, c := range asked {
		close(c)
	}
}

// commit makes a batch durable and answers it.
//
// After a write that failed the file is cut back to what was acked and may be
// used again. After an fsync that failed nobody knows what of the commit is on
// disk, and a second fsync would not tell: the segment is given up, with what
// was acked before.
func (l *Log) commit(batch []*ticket) {
	err := l.ensureActive()
	if err != nil {
		l.fail(batch, refusedWrite, fmt.Errorf("wal: append: new segment: %w", err))
		return
	}
	a := l.active
	entries := make([]*segment.Entry, 0, len(batch))
	for _, t := range batch {
		entries = append(entries, t.entry)
	}
	if err = a.Write(entries); err != nil {
		if terr := a.Undo(false); terr != nil {
			l.cfg.Logger.Error("wal: a failed write cannot be undone; starting a new segment", "segment", a.Path(), "error", terr)
			l.sealActive()
		}
		l.fail(batch, refusedWrite, fmt.Errorf("wal: append: %w", err))
		return
	}
	start := time.Now()
	if err = a.Sync(); err != nil {
		l.cfg.Logger.Error("wal: fsync failed; starting a new segment", "segment", a.Path(), "error", err)
		if terr := a.Undo(true); terr != nil {
			l.cfg.Logger.Error("wal: what was not synced cannot be cut off", "segment", a.Path(), "error", terr)
		}
		l.sealActive()
		l.fail(batch, refusedSync, fmt.Errorf("wal: append: fsync: %w", err))
		return
	}
	l.metrics.synced(time.Since(start), len(batch))
	l.ack(batch)
}

// ensureActive makes the next segment when there is none to write to.
func (l *Log) ensureActive() error {
	if l.active != nil {
		return nil
	}
	now := l.cfg.Now()
	l.mu.Lock()
	carried := l.keys.carry(now)
	l.mu.Unlock()
	for { // a name that is taken by something we did not put there is left alone
		l.activeSeq = l.nextSeq
		l.nextSeq++
		a, err := segment.Create(l.cfg.FS, filepath.Join(l.cfg.Dir, segment.Name(l.activeSeq)), carried, now)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			l.active = a
			l.addUsed(a.Size())
		}
		return err
	}
}

func (l *Log) ack(batch []*ticket) {
	for _, t := range batch {
		l.metrics.bytes.Add(float64(t.entry.Size()))
	}
	l.metrics.appends.Add(float64(len(batch)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = nil
	l.first = l.active.Oldest()
	for _, t := range batch {
		l.finish(t, nil)
	}
}

// fail answers a batch of which nothing is kept. A full disk is a refusal, and
// holds for what comes until it is time to try again.
func (l *Log) fail(batch []*ticket, reason string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if diskFull(err) {
		if l.full == nil {
			l.cfg.Logger.Error("wal: the disk is full; refusing appends until there is room", "error", err)
		}
		reason, l.full, l.retry = refusedDisk, err, l.cfg.Now().Add(l.cfg.Probe)
		err = &FullError{Used: l.used, Budget: l.cfg.MaxBytes, Err: err}
	}
	l.metrics.refused.WithLabelValues(reason).Add(float64(len(batch)))
	for _, t := range batch {
		l.finish(t, err)
	}
}

// sealActive ends the active segment and puts it where Next finds it.
func (l *Log) sealActive() {
	a := l.active
	if a == nil {
		return
	}
	l.active = nil
	if a.Frames() == 0 {
		err := errors.Join(a.Close(), l.cfg.FS.Remove(a.Path()))
		if err != nil {
			l.cfg.Logger.Warn("wal: an empty segment stays", "segment", a.Path(), "error", err)
			return
		}
		l.addUsed(-a.Size())
		return
	}
	size, err := a.Seal()
	if err != nil { // it is complete without its seal
		l.cfg.Logger.Warn("wal: segment is not sealed", "segment", a.Path(), "error", err)
	}
	g := &sealed{seq: l.activeSeq, path: a.Path(), size: size, acked: a.Size(), oldest: a.Oldest()}
	l.mu.Lock()
	l.used += size - a.Size()
	l.first = time.Time{}
	l.push(g)
	l.mu.Unlock()
}

// push adds g to what Next hands out. The caller holds mu.
func (l *Log) push(g *sealed) {
	l.ready = append(l.ready, g)
	l.announce()
}

func (l *Log) addUsed(n int64) {
	l.mu.Lock()
	l.used += n
	l.mu.Unlock()
}
