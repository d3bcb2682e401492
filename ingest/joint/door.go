package joint

import (
	"context"
	"errors"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
)

// Door takes the small requests of a protocol in, with others of their kind K where
// they have company. A is what the protocol's answer needs to know of a request
// beside the pipeline's result. Safe for concurrent use.
type Door[K comparable, A any] struct {
	pipeline *ingest.Pipeline
	read     Read[K, A]
	queue    Queue[K, taken[A]]
}

// Read makes columns of the bodies of requests, as if they were one, and says for
// each of them what its answer needs. It charges adm for what it builds, and does
// not keep the bodies.
type Read[K comparable, A any] func(kind K, bodies [][]byte, adm *ingest.Admission) (*ingest.Built, []A, error)

// taken is what became of a request.
type taken[A any] struct {
	result ingest.Result
	answer A
}

// NewDoor makes a Door before a pipeline.
func NewDoor[K comparable, A any](p *ingest.Pipeline, read Read[K, A]) *Door[K, A] {
	d := &Door[K, A]{pipeline: p, read: read}
	d.queue.Store = d.together
	return d
}

// Take stores a request whose body, of at most MaxBody bytes, has been charged to
// adm, and returns once it is durable. The body is the door's from the call on.
// Where it was joined with others the result does not count records: nothing was
// wrong with any.
func (d *Door[K, A]) Take(ctx context.Context, kind K, key wal.Key, body []byte, adm *ingest.Admission) (ingest.Result, A, error) {
	waiting, cancel := context.WithTimeout(ctx, d.pipeline.Patience(ctx))
	defer cancel()
	t, err := d.queue.Do(waiting, kind, key, body, func() (t taken[A], err error) {
		built, answers, err := d.read(kind, [][]byte{body}, adm)
		if err != nil {
			return t, err
		}
		adm.Release()
		t.answer = answers[0]
		t.result, err = built.Store(ingest.WithRequestKey(ctx, key))
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
