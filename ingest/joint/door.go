package joint

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
)

// Door takes the requests of a protocol in, small ones with others of their kind K
// where they have company. A is what the protocol's answer needs to know of a request
// beside the pipeline's result. Safe for concurrent use.
type Door[K comparable, A any] struct {
	pipeline *ingest.Pipeline
	read     Read[K, A]
	joinable func(kind K, body []byte) bool // nil is all
	queue    Queue[K, taken[A]]
}

// Read makes columns of the bodies of requests, as if they were one, and says for
// each of them what its answer needs. It charges adm for what it builds, and does
// not keep the bodies.
type Read[K comparable, A any] func(kind K, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, []A, error)

// Store makes a request durable, and is called once. Of one that was joined with
// others the result does not count records: nothing was wrong with any.
type Store[A any] func(context.Context) (ingest.Result, A, error)

// taken is what became of a request.
type taken[A any] struct {
	result ingest.Result
	answer A
}

// NewDoor makes a Door before a pipeline. joinable says which small bodies may be
// joined with others; nil means that all may.
func NewDoor[K comparable, A any](p *ingest.Pipeline, read Read[K, A], joinable func(kind K, body []byte) bool) *Door[K, A] {
	d := &Door[K, A]{pipeline: p, read: read, joinable: joinable}
	d.queue.Store = d.together
	return d
}

// Open takes a body in that has been charged to adm, and does not need it any more
// once it returns. It becomes columns at once, which ends the request's share of the
// in-flight budget, unless it is small: then it is for Store to do, and may be done
// with others.
func (d *Door[K, A]) Open(kind K, key segment.Key, body []byte, adm *ingest.Admission) (Store[A], error) {
	if len(body) <= MaxBody && (d.joinable == nil || d.joinable(kind, body)) {
		body = slices.Clone(body)
		return func(ctx context.Context) (ingest.Result, A, error) { return d.join(ctx, kind, key, body, adm) }, nil
	}
	return d.alone(kind, key, body, adm)
}

// alone makes columns of one body.
func (d *Door[K, A]) alone(kind K, key segment.Key, body []byte, adm *ingest.Admission) (Store[A], error) {
	built, answers, err := d.read(kind, [][]byte{body}, adm)
	if err != nil {
		return nil, err
	}
	adm.Release()
	return func(ctx context.Context) (ingest.Result, A, error) {
		result, err := built.Store(ingest.WithRequestKey(ctx, key))
		return result, answers[0], err
	}, nil
}

// join stores a body with others, or alone.
func (d *Door[K, A]) join(ctx context.Context, kind K, key segment.Key, body []byte, adm *ingest.Admission) (ingest.Result, A, error) {
	waiting, cancel := context.WithTimeout(ctx, d.pipeline.Patience(ctx))
	defer cancel()
	t, err := d.queue.Do(waiting, kind, key, body, func() (t taken[A], err error) {
		store, err := d.alone(kind, key, body, adm)
		if err != nil {
			return t, err
		}
		t.result, t.answer, err = store(ctx)
		return t, err
	})
	if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &ingest.Refusal{Reason: ingest.RefusedUnavailable, RetryAfter: time.Second, Err: err}
	}
	return t.result, t.answer, err
}

// together stores requests as one. What the pipeline says of one of them it says of
// all, so nothing may be wrong with any.
func (d *Door[K, A]) together(g *Group[K, taken[A]]) error {
	adm := d.pipeline.Admit()
	defer adm.Release()
	if adm.Grow(int64(g.bytes)) != nil {
		return ErrSeparate
	}
	built, answers, err := d.read(g.Kind, g.Bodies, adm)
	if err != nil || !built.Whole() {
		return ErrSeparate
	}
	adm.Release()
	_, err = built.Store(ingest.WithRequestKeys(context.Background(), g.Keys)) // it has a time of its own
	if errors.Is(err, wal.ErrRepeated) {
		return ErrSeparate
	}
	for _, a := range answers {
		g.Answers = append(g.Answers, taken[A]{answer: a})
	}
	return err
}
