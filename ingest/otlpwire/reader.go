package otlpwire

import (
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// recordBytes is what a record or an attribute can cost in columns and blocks
// beside the bytes it was made of: fixed columns, a dictionary entry, a path.
const recordBytes = 128

// reader is what the readers of the three signals have in common: the messages
// around the records, and what reading costs.
type reader struct {
	signal *signal
	intake interface {
		EnterResource(*resourcestore.Resource)
		EnterScope(*resourcestore.Scope)
	}
	record func(b []byte) bool // reads what a scope holds

	maxRecords int
	records    int
	adm        *ingest.Admission
	uncharged  int   // records and attributes
	err        error // why reading stopped, when the request is not malformed

	resource      resourcestore.Resource
	resourceAttrs list
	scope         resourcestore.Scope
	scopeAttrs    list
}

func newReader(s *signal, maxRecords int) reader {
	return reader{signal: s, maxRecords: maxRecords, resourceAttrs: list{depth: 3}, scopeAttrs: list{depth: 4}}
}

// read goes through a request. It stops at the first thing that is malformed
// or too much.
func (r *reader) read(b []byte) bool {
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		if tag == 1<<3|wireLen {
			if !r.perResource(b[end-int(n) : end]) {
				return false
			}
		} else if !r.signal.request.skips(tag) {
			return false
		}
		i = end
	}
	return r.charge(0)
}

// Tags of the scopes of a resource.
const (
	tagScopes           = 2<<3 | wireLen
	tagDeprecatedScopes = numberDeprecated<<3 | wireLen
)

// perResource enters a resource, then its scopes. Scopes under the deprecated
// number count only when there are no others.
func (r *reader) perResource(b []byte) bool {
	r.resource = resourcestore.Resource{}
	r.resourceAttrs.reset()
	scopes, unused := uint32(tagDeprecatedScopes), uint32(0)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireLen:
			if !r.readResource(b[end-int(n) : end]) {
				return false
			}
		case tagScopes:
			scopes, unused = tagScopes, tagDeprecatedScopes
		case tagDeprecatedScopes:
		case 3<<3 | wireLen:
			r.resource.SchemaURL = view(b[end-int(n) : end])
		default:
			if !r.signal.perResource.skips(tag) {
				return false
			}
		}
		i = end
	}
	if !r.charge(1 + len(r.resourceAttrs.kvs)) {
		return false
	}
	r.resource.Attributes = r.resourceAttrs.kvs
	r.intake.EnterResource(&r.resource)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		switch tag {
		case scopes:
			if !r.perScope(b[end-int(n) : end]) {
				return false
			}
		case unused:
			if !r.skip(r.signal.perScope, b[end-int(n):end], 2) {
				return false
			}
		}
		i = end
	}
	return true
}

func (r *reader) readResource(b []byte) bool {
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireLen:
			ok = r.resourceAttrs.add(b[end-int(n) : end])
		case 2<<3 | wireVarint:
			r.resource.Dropped = uint32(n)
		case 3<<3 | wireLen:
			ok = r.skip(messages.entity, b[end-int(n):end], 3)
		default:
			ok = messages.resource.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	return true
}

// perScope enters a scope, then its records.
func (r *reader) perScope(b []byte) bool {
	r.scope = resourcestore.Scope{}
	r.scopeAttrs.reset()
	records := 0
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireLen:
			if !r.readScope(b[end-int(n) : end]) {
				return false
			}
		case 2<<3 | wireLen:
			records++
		case 3<<3 | wireLen:
			r.scope.SchemaURL = view(b[end-int(n) : end])
		default:
			if !r.signal.perScope.skips(tag) {
				return false
			}
		}
		i = end
	}
	if r.signal.perScope.fields[2].record && !r.expect(records) || !r.charge(1+len(r.scopeAttrs.kvs)) {
		return false
	}
	r.scope.Attributes = r.scopeAttrs.kvs
	r.intake.EnterScope(&r.scope)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if tag == 2<<3|wireLen && !r.record(b[end-int(n):end]) {
			return false
		}
		i = end
	}
	return true
}

func (r *reader) readScope(b []byte) bool {
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireLen:
			r.scope.Name = view(b[end-int(n) : end])
		case 2<<3 | wireLen:
			r.scope.Version = view(b[end-int(n) : end])
		case 3<<3 | wireLen:
			ok = r.scopeAttrs.add(b[end-int(n) : end])
		case 4<<3 | wireVarint:
			r.scope.Dropped = uint32(n)
		default:
			ok = messages.scope.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	return true
}

// skip checks a message that nothing is read from.
func (r *reader) skip(m *message, b []byte, depth int) bool {
	w := wire{buf: b}
	return w.message(m, 0, len(b), depth) == nil && r.expect(w.size.records)
}

// expect counts records to come, up to the limit of a request.
func (r *reader) expect(n int) bool {
	r.records += n
	return r.records <= r.maxRecords
}

// charge takes the memory of n records or attributes from the budget, in
// steps; with 0 whatever is left.
func (r *reader) charge(n int) bool {
	r.uncharged += n
	if r.uncharged < 1024 && n > 0 {
		return true
	}
	r.err = r.adm.Grow(int64(r.uncharged) * recordBytes)
	r.uncharged = 0
	return r.err == nil
}
