package ingest

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// walk is the state of one pass over one request: where it is, what it found,
// and the slices it fills again for every record.
type walk struct {
	p      *Pipeline
	limits *Limits
	window window
	place  place
	result Result
	newest int64 // unix ns of the newest record accepted

	resources *resourcestore.Batch
	resource  resourcestore.Resource
	scope     resourcestore.Scope
	ref       reference

	attrs []attribute.KeyValue // of the record at hand
	extra []attribute.KeyValue // of what hangs below it: events, links, exemplars
}

// reference is what a record of one day points to: its resource and scope
// have a row in each day they are used.
type reference struct {
	valid      bool
	day        int64 // days since 1970
	service    string
	resourceID uint64
	scopeID    uint64
}

const nanosPerDay = int64(24 * time.Hour)

func (p *Pipeline) newWalk(t tenant.ID, s Signal) *walk {
	return &walk{
		p: p, limits: &p.cfg.Limits, window: p.window(), place: place{signal: s},
		resources: resourcestore.NewBatch(t, p.cfg.RetentionDays, p.known),
	}
}

// enterResource makes r the resource of what follows. A fault in it is a
// fault of all its records.
func (w *walk) enterResource(r pcommon.Resource, schemaURL string) fault {
	kvs, size, f := w.limits.attributes(w.resource.Attributes[:0], r.Attributes(), "resource.attributes")
	if f.reason == "" {
		f = w.limits.record("resource", size+len(schemaURL))
	}
	w.resource = resourcestore.Resource{Attributes: kvs, Dropped: r.DroppedAttributesCount(), SchemaURL: schemaURL}
	w.ref.valid = false
	return f
}

// enterScope makes s the scope of what follows.
func (w *walk) enterScope(s pcommon.InstrumentationScope, schemaURL string) fault {
	kvs, size, f := w.limits.attributes(w.scope.Attributes[:0], s.Attributes(), "scope.attributes")
	if f.reason == "" {
		f = w.limits.record("scope", size+len(s.Name())+len(s.Version())+len(schemaURL))
	}
	w.scope = resourcestore.Scope{
		Name: s.Name(), Version: s.Version(), Attributes: kvs,
		Dropped: s.DroppedAttributesCount(), SchemaURL: schemaURL,
	}
	w.ref.valid = false
	return f
}

// refer is what a record at time at (unix ns) points to.
func (w *walk) refer(at int64) *reference {
	w.newest = max(w.newest, at)
	if d := at / nanosPerDay; !w.ref.valid || w.ref.day != d {
		date := time.Unix(0, d*nanosPerDay).UTC()
		id, service := w.resources.Resource(date, &w.resource)
		w.ref = reference{
			valid: true, day: d, service: service,
			resourceID: id, scopeID: w.resources.Scope(date, &w.scope),
		}
	}
	return &w.ref
}

// record bounds the size of what.
func (l *Limits) record(what string, size int) fault {
	if size > l.RecordBytes {
		return fault{reason: RecordTooLarge, field: what, got: int64(size), limit: int64(l.RecordBytes)}
	}
	return fault{}
}

// finish stores what the walk found, resources before what refers to them, and
// counts the outcome. Once the blocks are built, the request's share of the
// in-flight budget ends, as they are the Sink's to bound, and built is called:
// the batch may then be used again.
func (w *walk) finish(ctx context.Context, adm *Admission, batch blocker, built func()) (Result, error) {
	blocks, err := w.resources.Blocks(nil)
	if err != nil {
		return Result{}, err
	}
	if blocks, err = batch.Blocks(blocks); err != nil {
		return Result{}, err
	}
	if adm != nil {
		adm.Release()
	}
	built()
	if err := w.p.store(ctx, blocks); err != nil {
		return Result{}, err
	}
	w.resources.MarkStored()
	w.p.telemetry.done(w.place.signal, &w.result, w.p.cfg.Now(), w.newest)
	return w.result, nil
}

func (p *Pipeline) tooMany(n int) error {
	return &TooLargeError{What: "request", Unit: "records", Limit: int64(p.cfg.Limits.Records), Got: int64(n)}
}
