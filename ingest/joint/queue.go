package joint

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/wal"
)

// ErrSeparate says that requests cannot be stored as one.
var ErrSeparate = errors.New("joint: to be stored one by one")

const (
	// MaxBody is how large a request may be that is worth joining, in bytes.
	MaxBody = 64 << 10

	maxGroup    = 1 << 20          // bytes of a group
	maxRequests = 1000             // of a group
	maxLanes    = 1000             // kinds with something under way; of further ones each request goes alone
	penalty     = 10 * time.Second // without joining, after it was in vain
)

// Group is requests that are stored as one.
type Group[K comparable] struct {
	Kind   K
	Keys   []wal.Key // of the requests
	Bodies [][]byte
	bytes  int
	done   chan struct{} // closed when err is final
	err    error
}

// Queue joins requests of the same kind K. Safe for concurrent use.
type Queue[K comparable] struct {
	// Store makes a group durable, all of it or nothing. It is called in a
	// goroutine of its own and has to set itself a time.
	Store func(*Group[K]) error

	mu    sync.Mutex
	lanes map[K]*lane[K]
}

// lane is the requests of one kind: one is under way, others gather.
type lane[K comparable] struct {
	busy     bool
	open     *Group[K]
	separate time.Time // no joining until then
}

// Do stores a request of a kind: by alone, or with others. The body is kept until
// Do returns, and longer when ctx ends first.
func (q *Queue[K]) Do(ctx context.Context, kind K, key wal.Key, body []byte, alone func() error) error {
	g, l := q.enter(kind, key, body)
	if g == nil {
		if l != nil {
			defer q.leave(kind, l)
		}
		return alone()
	}
	select {
	case <-g.done:
	case <-ctx.Done(): // what the group comes to is known when it is sent again
		return context.Cause(ctx)
	}
	if errors.Is(g.err, ErrSeparate) {
		return alone()
	}
	return g.err
}

// enter puts a request into a group; nil means alone, with a lane to leave
// afterwards, or none.
func (q *Queue[K]) enter(kind K, key wal.Key, body []byte) (*Group[K], *lane[K]) {
	if len(body) > MaxBody {
		return nil, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[kind]
	if l == nil {
		if len(q.lanes) >= maxLanes {
			return nil, nil
		}
		if q.lanes == nil {
			q.lanes = map[K]*lane[K]{}
		}
		l = &lane[K]{}
		q.lanes[kind] = l
	}
	switch {
	case time.Now().Before(l.separate):
		return nil, nil
	case !l.busy:
		l.busy = true
		return nil, l
	case l.open == nil:
		l.open = &Group[K]{Kind: kind, done: make(chan struct{})}
	case l.open.bytes+len(body) > maxGroup || len(l.open.Keys) >= maxRequests:
		return nil, nil
	}
	g := l.open
	g.Keys, g.Bodies, g.bytes = append(g.Keys, key), append(g.Bodies, body), g.bytes+len(body)
	return g, nil
}

// leave ends what was under way in a lane; the group that gathered meanwhile is
// next.
func (q *Queue[K]) leave(kind K, l *lane[K]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	next := l.open
	l.open = nil
	if next != nil {
		go func() {
			defer q.leave(kind, l)
			q.run(next, l)
		}()
		return
	}
	l.busy = false
	if !time.Now().Before(l.separate) {
		delete(q.lanes, kind)
	}
}

func (q *Queue[K]) run(g *Group[K], l *lane[K]) {
	defer close(g.done)
	defer func() {
		if v := recover(); v != nil { // alone each meets it again, and is answered for itself
			g.err = fmt.Errorf("%w: %v", ErrSeparate, v)
		}
		if errors.Is(g.err, ErrSeparate) {
			q.mu.Lock()
			l.separate = time.Now().Add(penalty)
			q.mu.Unlock()
		}
	}()
	g.err = q.Store(g)
}
