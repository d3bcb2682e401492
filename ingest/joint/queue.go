package joint

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
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
type Group[K comparable, A any] struct {
	Kind    K
	Keys    []segment.Key // of the requests
	Bodies  [][]byte
	Answers []A // to them, each in its place; Store sets them
	bytes   int
	done    chan struct{} // closed when err and Answers are final
	err     error
}

// Queue joins requests of the same kind K, which are answered with an A each.
// Safe for concurrent use.
type Queue[K comparable, A any] struct {
	// Store makes a group durable, all of it or nothing, and sets its answers. It is
	// called in a goroutine of its own and has to set itself a time.
	Store func(*Group[K, A]) error

	mu    sync.Mutex
	lanes map[K]*lane[K, A]
}

// lane is the requests of one kind: one is under way, others gather.
type lane[K comparable, A any] struct {
	busy     bool
	open     *Group[K, A]
	separate time.Time // no joining until then
}

// Do stores a request of a kind: by alone, or with others. The body is kept until
// Do returns, and longer when ctx ends first.
func (q *Queue[K, A]) Do(ctx context.Context, kind K, key segment.Key, body []byte, alone func() (A, error)) (answer A, err error) {
	g, i, l := q.enter(kind, key, body)
	if g == nil {
		if l != nil {
			defer q.leave(kind, l)
		}
		return alone()
	}
	select {
	case <-g.done:
	case <-ctx.Done(): // what the group comes to is known when it is sent again
		return answer, context.Cause(ctx)
	}
	if errors.Is(g.err, ErrSeparate) {
		return alone()
	}
	if g.err == nil {
		answer = g.Answers[i]
	}
	return answer, g.err
}

// enter puts a request into a group, at a place; nil means alone, with a lane to
// leave afterwards, or none.
func (q *Queue[K, A]) enter(kind K, key segment.Key, body []byte) (*Group[K, A], int, *lane[K, A]) {
	if len(body) > MaxBody {
		return nil, 0, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[kind]
	if l == nil {
		if len(q.lanes) >= maxLanes {
			return nil, 0, nil
		}
		if q.lanes == nil {
			q.lanes = map[K]*lane[K, A]{}
		}
		l = &lane[K, A]{}
		q.lanes[kind] = l
	}
	switch {
	case time.Now().Before(l.separate):
		return nil, 0, nil
	case !l.busy:
		l.busy = true
		return nil, 0, l
	case l.open == nil:
		l.open = &Group[K, A]{Kind: kind, done: make(chan struct{})}
	case l.open.bytes+len(body) > maxGroup || len(l.open.Keys) >= maxRequests:
		return nil, 0, nil
	}
	g := l.open
	g.Keys, g.Bodies, g.bytes = append(g.Keys, key), append(g.Bodies, body), g.bytes+len(body)
	return g, len(g.Keys) - 1, nil
}

// leave ends what was under way in a lane; the group that gathered meanwhile is
// next.
func (q *Queue[K, A]) leave(kind K, l *lane[K, A]) {
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

func (q *Queue[K, A]) run(g *Group[K, A], l *lane[K, A]) {
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
