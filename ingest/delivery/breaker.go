package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// breaker keeps the lanes from storming a storage, or one table of it, that is
// away. Closed, it lets everybody try. After a failure it is open: all wait for
// one pause, then a single lane tries, and its outcome decides for all.
type breaker struct {
	what        string // for people: "storage", "table logs"
	first, most time.Duration

	mu      sync.Mutex
	pause   time.Duration // zero while closed
	until   time.Time     // nobody tries before
	probing bool          // somebody tries now
	since   time.Time     // of the first failure in a row
	last    error
	changed chan struct{} // closed when any of the above changes
}

func newBreaker(what string, first, most time.Duration) *breaker {
	return &breaker{what: what, first: first, most: most, changed: make(chan struct{})}
}

// wait returns when the caller may try; the outcome has to be told by
// succeeded, failed or released.
func (b *breaker) wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		if b.pause == 0 {
			b.mu.Unlock()
			return ctx.Err()
		}
		left := time.Until(b.until)
		if left <= 0 && !b.probing {
			b.probing = true
			b.mu.Unlock()
			return ctx.Err()
		}
		changed := b.changed
		b.mu.Unlock()
		timer := time.NewTimer(max(left, time.Millisecond))
		if left <= 0 {
			timer.Stop() // the probe's outcome is what we wait for
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		case <-changed:
			timer.Stop()
		}
	}
}

// may tells whether the caller may try now, and begin whether it does: then the
// outcome has to be told as after wait.
func (b *breaker) may(begin bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 {
		return true
	}
	if b.probing || time.Now().Before(b.until) {
		return false
	}
	b.probing = begin
	return true
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 {
		return
	}
	b.pause, b.probing, b.last = 0, false, nil
	b.tell()
}

func (b *breaker) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 {
		b.since = time.Now()
		b.pause = b.first
	} else if b.probing || !time.Now().Before(b.until) {
		b.pause = min(2*b.pause, b.most)
	}
	b.until = time.Now().Add(jitter(b.pause))
	b.probing, b.last = false, err
	b.tell()
}

// released is an attempt that ended without an answer.
func (b *breaker) released() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	b.tell()
}

func (b *breaker) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// err is why the breaker is open, nil while it is closed.
func (b *breaker) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 {
		return nil
	}
	return fmt.Errorf("%s has not taken anything for %v: %w", b.what, time.Since(b.since).Round(time.Second), b.last)
}

// jitter is d give or take a quarter, so that what failed together does not
// come back together.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
