package backend

import (
	"context"
	"sync/atomic"
	"time"
)

// ping watches an external server in the background, since a readiness check
// must answer at once.
func (b *Backend) ping(ctx context.Context) func() error {
	state := &pinger{}
	go state.run(ctx, b.DB.Ping)
	return state.err
}

// pinger asks an external server for a sign of life every few seconds.
type pinger struct{ last atomic.Pointer[error] }

func (p *pinger) run(ctx context.Context, ping func(context.Context) error) {
	const every, patience = 5 * time.Second, 3 * time.Second
	for {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return ping(ctx)
		}()
		p.last.Store(&err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

func (p *pinger) err() error {
	if e := p.last.Load(); e != nil {
		return *e
	}
	return nil
}
