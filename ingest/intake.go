package ingest

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// intake is one pass over one request: where it is, what it found, and the
// buffers it fills again for every record. It is what the intakes of the three
// signals have in common; their methods are called in the order of the request:
//
//	EnterResource
//	  EnterScope
//	    [EnterMetric]
//	      Add …                 a record each, taken or counted as rejected
//	Build or Discard            the intake must not be used after either
//
// Everything handed in may alias the request's bytes, which must stay as they
// are until then. Attribute lists are handed in as they were sent, unsorted
// and with keys repeated, and are sorted in place. Times are OTLP's unsigned
// nanoseconds put into an int64, so that one that does not fit is negative.
//
// An intake must be fed by one goroutine.
type intake struct {
	p      *Pipeline
	signal Signal
	tenant tenant.ID
	limits *Limits
	quota  *quota.Tenant
	window window

	place                    place
	resourceFault, deepFault fault // of the resource; of the scope or metric within it
	result                   Result
	newest                   int64 // unix ns of the newest record accepted

	resources *resourcestore.Batch
	resource  *resourcestore.Resource
	scope     *resourcestore.Scope
	ref       reference
	sorter    attribute.Sorter
}

// reference is what the records of a resource and scope point to. Both have a
// row in each day they are used.
type reference struct {
	service    string
	resourceID uint64
	scopeID    uint64
	day        int64 // days since 1970 of the rows that are there; noDay before
}

const (
	nanosPerDay = int64(24 * time.Hour)
	noDay       = int64(-1)
)

func newIntake(p *Pipeline, s Signal, t tenant.ID) intake {
	return intake{
		p: p, signal: s, tenant: t, limits: &p.cfg.Limits,
		resources: resourcestore.NewBatch(t, p.cfg.RetentionDays, p.known),
	}
}

// begin readies an intake, new or used, for a request.
func (in *intake) begin() {
	in.quota = in.p.cfg.Quotas.Tenant(in.tenant)
	in.window = in.p.window(in.quota.Limits())
	in.place = place{signal: in.signal, resource: -1}
	in.resourceFault, in.deepFault = fault{}, fault{}
	in.result, in.newest = Result{}, 0
	in.ref = reference{day: noDay}
}

// reset forgets the request.
func (in *intake) reset() {
	in.resources.Reset()
	in.sorter.Reset()
	in.resource, in.scope, in.ref = nil, nil, reference{}
	in.result, in.quota = Result{}, nil
}

// EnterResource makes r, which must stay until the next call, the resource of
// what follows. What is wrong with it is wrong with all its records.
func (in *intake) EnterResource(r *resourcestore.Resource) {
	in.place.resource++
	in.place.scope = -1
	size, f := in.attributes(r.Attributes, "resource.attributes")
	if f.reason == "" {
		f = in.limits.record("resource", size+len(r.SchemaURL))
	}
	in.resourceFault, in.deepFault = f, fault{}
	if f.reason != "" {
		return
	}
	r.Attributes = in.sorter.Sort(r.Attributes)
	in.resource = r
	in.ref.resourceID, in.ref.service = in.resources.Identify(r)
	in.ref.day = noDay
}

// EnterScope makes s, which must stay until the next call, the scope of what
// follows.
func (in *intake) EnterScope(s *resourcestore.Scope) {
	in.place.scope++
	in.place.metric, in.place.record = -1, -1
	size, f := in.attributes(s.Attributes, "scope.attributes")
	if f.reason == "" {
		f = in.limits.record("scope", size+len(s.Name)+len(s.Version)+len(s.SchemaURL))
	}
	in.deepFault = f
	if f.reason != "" {
		return
	}
	s.Attributes = in.sorter.Sort(s.Attributes)
	in.scope = s
	in.ref.scopeID = in.resources.IdentifyScope(s)
	in.ref.day = noDay
}

// next is the fault of where the next record is.
func (in *intake) next() fault {
	in.place.record++
	if in.resourceFault.reason != "" {
		return in.resourceFault
	}
	return in.deepFault
}

// count books the outcome of the record at hand.
func (in *intake) count(f fault) {
	if f.reason != "" {
		in.result.reject(f, in.place, in.tenant)
		return
	}
	in.result.Accepted++
}

// refer makes sure that what a record at time at (unix ns) points to has its
// rows.
func (in *intake) refer(at int64) *reference {
	in.newest = max(in.newest, at)
	if d := at / nanosPerDay; in.ref.day != d {
		date := time.Unix(0, d*nanosPerDay).UTC()
		in.resources.Add(date, in.ref.resourceID, in.ref.service, in.resource)
		in.resources.AddScope(date, in.ref.scopeID, in.scope)
		in.ref.day = d
	}
	return &in.ref
}

// batch is a batch of any store.
type batch interface {
	Blocks(dst []block.Block) ([]block.Block, error)
}

// built is the request as blocks, resources before what refers to them. Rows
// added are known to be stored when the blocks are.
func (in *intake) built(b batch, added []resourcestore.Key) (*Built, error) {
	out := &Built{p: in.p, signal: in.signal, quota: in.quota, result: in.result, newest: in.newest}
	var err error
	if out.blocks, err = in.resources.Blocks(nil); err != nil {
		return nil, err
	}
	if out.blocks, err = b.Blocks(out.blocks); err != nil {
		return nil, err
	}
	out.added = in.resources.Added(added)
	return out, nil
}

// Built is a request whose columns are built. It holds none of its bytes.
type Built struct {
	p      *Pipeline
	signal Signal
	quota  *quota.Tenant
	result Result
	newest int64
	blocks []block.Block
	added  []resourcestore.Key
	stored func() // to be called when the blocks are; nil for nobody
}

// Whole tells whether everything was taken as it was sent.
func (b *Built) Whole() bool { return b.result.Rejected == 0 && len(b.result.Warnings) == 0 }

// Store gives the blocks to the Sink and returns once they are durable. It is
// called once.
func (b *Built) Store(ctx context.Context) (Result, error) {
	b.quota.Records(b.result.Accepted + b.result.Rejected)
	blocks := b.blocks
	b.blocks = nil // they are the Sink's
	if err := b.p.store(ctx, blocks); err != nil {
		return Result{}, err
	}
	b.p.known.Add(b.added)
	if b.stored != nil {
		b.stored()
	}
	b.p.telemetry.done(b.signal, &b.result, b.p.cfg.Now(), b.newest)
	return b.result, nil
}
