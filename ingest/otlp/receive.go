package otlp

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/tap"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// receiver bounds what requests over gRPC hold before anybody can admit them:
// grpc reads a message whole before it calls us, and nobody knows its size
// until then.
//
//	headers ─▶ tap: refused while requests hold all they may, or the tenant too much
//	frames  ─▶ Get: all requests being received are cut off when they hold too much
//	message ─▶ codec: admitted by its size, then decoded
//
// It is the server's buffer pool, so what it counts is what is held. Buffers of
// a request that was cut off are not given back by grpc but left to the
// collector; so when a request comes and no other is open the count begins anew.
type receiver struct {
	pipeline *ingest.Pipeline
	pool     mem.BufferPool
	limit    int64

	held      atomic.Int64
	mu        sync.Mutex
	open      int // requests from tap to their end
	receiving map[*reception]struct{}
}

// reception is a request that is being received.
type reception struct {
	receiver *receiver
	signal   ingest.Signal
	cancel   context.CancelFunc
}

func newReceiver(p *ingest.Pipeline) *receiver {
	return &receiver{pipeline: p, pool: mem.DefaultBufferPool(), limit: p.Limits().InflightBytes, receiving: map[*reception]struct{}{}}
}

// Get implements mem.BufferPool.
func (r *receiver) Get(length int) *[]byte {
	buf := r.pool.Get(length)
	if r.held.Add(int64(cap(*buf))) > r.limit {
		r.cut()
	}
	return buf
}

// Put implements mem.BufferPool.
func (r *receiver) Put(buf *[]byte) {
	r.held.Add(-int64(cap(*buf)))
	r.pool.Put(buf)
}

// cut ends all requests that are being received. Their senders get CANCELLED,
// on which they send again.
func (r *receiver) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := range r.receiving {
		one.cancel()
		r.pipeline.Refused(one.signal, string(ingest.RefusedInflight))
	}
	clear(r.receiving)
}

type receptionKey struct{}

// tap runs when the headers of a request are there, in the goroutine that reads
// its connection.
func (r *receiver) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	name := signalOf(info.FullMethodName)
	if name == "" { // health and reflection answer under any load
		return ctx, nil
	}
	id, err := tenant.FromValues(info.Header.Get(tenant.Header))
	if err != nil {
		return ctx, nil // the edge says what is wrong
	}
	r.mu.Lock()
	if r.open == 0 {
		r.held.Store(0)
	}
	r.mu.Unlock()
	if err := r.pipeline.Ready(id, max(0, min(r.held.Load(), r.limit))); err != nil {
		v := judge(err)
		r.pipeline.Refused(name, v.Reason)
		return nil, v.status(err).Err()
	}
	whole := ctx // grpc ends it with the request
	ctx, cancel := context.WithCancel(whole)
	one := &reception{receiver: r, signal: name, cancel: cancel}
	r.mu.Lock()
	r.open++
	r.receiving[one] = struct{}{}
	r.mu.Unlock()
	context.AfterFunc(whole, one.end)
	return context.WithValue(ctx, receptionKey{}, one), nil
}

// received is called when the message is there and can be refused by itself.
func received(ctx context.Context) {
	one, ok := ctx.Value(receptionKey{}).(*reception)
	if !ok {
		return
	}
	one.receiver.mu.Lock()
	defer one.receiver.mu.Unlock()
	delete(one.receiver.receiving, one)
}

func (one *reception) end() {
	one.cancel()
	r := one.receiver
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.receiving, one)
	r.open--
}

// signalOf is the signal of an Export method, "" of any other.
func signalOf(method string) ingest.Signal {
	rest, ok := strings.CutPrefix(method, "/opentelemetry.proto.collector.")
	if !ok {
		return ""
	}
	switch service, _, _ := strings.Cut(rest, "."); service {
	case "logs":
		return ingest.Logs
	case "metrics":
		return ingest.Metrics
	case "trace":
		return ingest.Traces
	}
	return ""
}
