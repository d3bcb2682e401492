package election

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// ErrLost ends the term of a process when another one is in charge.
var ErrLost = errors.New("another instance is in charge")

// DefaultLife is how long the others wait for the next turn.
const DefaultLife = 20 * time.Second

// Config of an Election.
type Config struct {
	Store  *alertstore.Store
	Tenant tenant.ID
	// Instance names this instance, the same after a restart: it takes over
	// from its own earlier process without waiting. Process sets its processes
	// apart. Neither has a slash.
	Instance, Process string
	// URL is where other instances reach this one.
	URL string
	// Life is how long the others wait for the next turn. All instances must
	// have the same. Default DefaultLife.
	Life   time.Duration
	Logger *slog.Logger
}

// Election is one process's part in it. Await is called by one goroutine.
type Election struct {
	cfg    Config
	holder string
	again  bool // it has been in charge before

	mu   sync.Mutex
	seen alertstore.Lease
}

// New does not reach the store.
func New(cfg Config) *Election {
	if cfg.Life <= 0 {
		cfg.Life = DefaultLife
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Election{cfg: cfg, holder: cfg.Instance + "/" + cfg.Process}
}

// Seen is the lease as it was last read.
func (e *Election) Seen() alertstore.Lease {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen
}

func (e *Election) note(l alertstore.Lease) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = l
}

// Await blocks until this process is in charge; an error is the context's.
func (e *Election) Await(ctx context.Context) (*Term, error) {
	var since time.Time // when the present turn was first seen
	last, told := uint64(0), ""
	for ctx.Err() == nil {
		started := time.Now()
		lease, err := e.read(ctx)
		switch {
		case err != nil:
			// A holder that could not reach the store either gets all of its
			// time again.
			since = time.Time{}
			e.cfg.Logger.Warn("the alerting lease cannot be read", "err", err)
		case since.IsZero() || lease.Turn != last:
			since, last = time.Now(), lease.Turn
		}
		if err == nil && e.free(lease, since) {
			lease, err = e.claim(ctx, lease.Turn+1)
			if err == nil && lease.Holder == e.holder {
				e.again = true
				return e.begin(ctx, lease.Turn, started), nil
			}
		}
		if err == nil && lease.Holder != told {
			told = lease.Holder
			e.cfg.Logger.Info("another instance evaluates the alert rules; this one stands by", "instance", told, "url", lease.URL)
		}
		sleep(ctx, e.cfg.Life/5)
	}
	return nil, ctx.Err()
}

// free says whether a lease can be taken: nobody has it, this process or an
// earlier one of this instance has it, or its holder has gone.
func (e *Election) free(l alertstore.Lease, since time.Time) bool {
	instance, _, _ := strings.Cut(l.Holder, "/")
	return l.Holder == "" || l.Holder == e.holder || instance == e.cfg.Instance && !e.again ||
		time.Since(since) >= e.cfg.Life
}

func (e *Election) read(ctx context.Context) (alertstore.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Life/5)
	defer cancel()
	lease, err := e.cfg.Store.Lease(ctx, e.cfg.Tenant)
	if err == nil {
		e.note(lease)
	}
	return lease, err
}

// claim answers the lease that counts after it.
func (e *Election) claim(ctx context.Context, turn uint64) (alertstore.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Life/5)
	defer cancel()
	lease, err := e.cfg.Store.Claim(ctx, e.cfg.Tenant, alertstore.Lease{
		Turn: turn, Holder: e.holder, URL: e.cfg.URL, ClaimedAt: time.Now(),
	})
	if err == nil {
		e.note(lease)
	}
	return lease, err
}

// Term is the time in which this process is in charge.
type Term struct {
	e      *Election
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{}

	mu    sync.Mutex
	turn  uint64
	since time.Time // before the claim of the turn
}

func (e *Election) begin(ctx context.Context, turn uint64, since time.Time) *Term {
	t := &Term{e: e, done: make(chan struct{}), turn: turn, since: since}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	go t.keep()
	return t
}

// Context ends when another process is in charge, with ErrLost as its cause,
// or with the context of Await.
func (t *Term) Context() context.Context { return t.ctx }

// Certain says whether no other process can be in charge now. Both clocks are
// asked: the monotonic one stands still while a machine sleeps.
func (t *Term) Certain() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	bound := t.e.cfg.Life * 3 / 5
	return t.ctx.Err() == nil && time.Since(t.since) < bound && time.Now().Round(0).Sub(t.since.Round(0)) < bound
}

// Confirm is nil unless another process is in charge. When that is not certain
// the store is asked, and when the store does not answer it is nil: this is for
// what is better done twice than not at all.
func (t *Term) Confirm(ctx context.Context) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if t.Certain() {
		return nil
	}
	lease, err := t.e.read(ctx)
	if err == nil && lease.Holder != t.e.holder {
		t.lose(lease)
		return ErrLost
	}
	return nil
}

func (t *Term) lose(l alertstore.Lease) {
	t.e.cfg.Logger.Warn("another instance has taken over the alert rules", "instance", l.Holder, "turn", l.Turn)
	t.cancel(ErrLost)
}

// keep claims turn after turn.
func (t *Term) keep() {
	defer close(t.done)
	for sleep(t.ctx, t.e.cfg.Life/5) {
		started := time.Now()
		lease, err := t.e.claim(t.ctx, t.turn+1)
		switch {
		case err != nil:
			if t.ctx.Err() == nil {
				t.e.cfg.Logger.Warn("the alerting lease cannot be renewed", "certain", t.Certain(), "err", err)
			}
		case lease.Holder != t.e.holder:
			t.lose(lease)
		case lease.Turn > t.turn:
			t.mu.Lock()
			t.turn, t.since = lease.Turn, started
			t.mu.Unlock()
		}
	}
}

// Resign gives the lease back, so that nobody has to wait for its end. The
// term's work must be over.
func (t *Term) Resign(ctx context.Context) error {
	t.cancel(context.Canceled)
	<-t.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.e.cfg.Life/5)
	defer cancel()
	if lease, err := t.e.cfg.Store.Lease(ctx, t.e.cfg.Tenant); err != nil || lease.Holder != t.e.holder {
		return err
	} else if _, err := t.e.cfg.Store.Claim(ctx, t.e.cfg.Tenant, alertstore.Lease{Turn: lease.Turn + 1, ClaimedAt: time.Now()}); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	return nil
}

// sleep pauses; it answers false when the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
