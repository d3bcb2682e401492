package ingest

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	maxTenants    = 256    // tenants whose batches are kept
	maxReusedRows = 20_000 // larger batches are rare and would hold their buffers
)

// reuse keeps used batches of one signal, with their buffers, by tenant.
type reuse[B interface {
	Rows() int
	Reset()
}] struct {
	make func(tenant.ID) B

	mu    sync.Mutex
	pools map[tenant.ID]*sync.Pool
}

// pool is the tenant's pool; nil when there are too many tenants.
func (r *reuse[B]) pool(t tenant.ID) *sync.Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.pools[t]
	if !ok && len(r.pools) < maxTenants {
		p = &sync.Pool{}
		if r.pools == nil {
			r.pools = map[tenant.ID]*sync.Pool{}
		}
		r.pools[t] = p
	}
	return p
}

// get is an empty batch.
func (r *reuse[B]) get(t tenant.ID) B {
	if p := r.pool(t); p != nil {
		if b, ok := p.Get().(B); ok {
			return b
		}
	}
	return r.make(t)
}

// put takes b back; the caller must not use it any more. Its blocks, which
// own their bytes, stay good.
func (r *reuse[B]) put(t tenant.ID, b B) {
	if b.Rows() > maxReusedRows {
		return
	}
	if p := r.pool(t); p != nil {
		b.Reset()
		p.Put(b)
	}
}
