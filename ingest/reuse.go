package ingest

import (
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	maxTenants    = 256    // tenants whose intakes are kept
	maxReusedRows = 20_000 // larger ones are rare and would hold their buffers
)

// reuse keeps used intakes of one signal, with their buffers, by tenant.
type reuse[I interface {
	Rows() int
	Reset()
}] struct {
	make func(tenant.ID) I

	mu    sync.Mutex
	pools map[tenant.ID]*sync.Pool
}

// pool is the tenant's pool; nil when there are too many tenants.
func (r *reuse[I]) pool(t tenant.ID) *sync.Pool {
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

// get is an empty intake.
func (r *reuse[I]) get(t tenant.ID) I {
	if p := r.pool(t); p != nil {
		if in, ok := p.Get().(I); ok {
			return in
		}
	}
	return r.make(t)
}

// put takes in back; the caller must not use it any more. Its blocks, which
// own their bytes, stay good.
func (r *reuse[I]) put(t tenant.ID, in I) {
	if in.Rows() > maxReusedRows {
		return
	}
	if p := r.pool(t); p != nil {
		in.Reset()
		p.Put(in)
	}
}
