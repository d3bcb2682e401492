package resourcestore

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tables that a Batch fills.
const (
	TableResources = "resources"
	TableScopes    = "scopes"
)

// Resource is an OTLP resource to be stored. Batch.Resource sorts Attributes.
type Resource struct {
	Attributes []attribute.KeyValue
	Dropped    uint32
	SchemaURL  string
}

// Scope is an OTLP instrumentation scope. Batch.Scope sorts Attributes.
type Scope struct {
	Name, Version string
	Attributes    []attribute.KeyValue
	Dropped       uint32
	SchemaURL     string
}

// Batch collects the resources and scopes of one request of one tenant. Not
// safe for concurrent use.
type Batch struct {
	tenant    string
	retention uint16
	known     *Known
	owner     struct{ resources, scopes Owner }
	added     map[Key]struct{}
	hasher    attribute.Hasher
	enc       block.Encoder
	resources resourceColumns
	scopes    scopeColumns
}

// NewBatch makes an empty batch. Rows that known has are left out; known may
// be shared by all batches of a process.
func NewBatch(t tenant.ID, retentionDays uint16, known *Known) *Batch {
	b := &Batch{tenant: string(t), retention: retentionDays, known: known, added: map[Key]struct{}{}}
	b.owner.resources, b.owner.scopes = OwnerOf(t, TableResources), OwnerOf(t, TableScopes)
	return b
}

// Rows is the number of rows that would be sent.
func (b *Batch) Rows() int { return b.resources.id.Rows() + b.scopes.id.Rows() }

// Resource adds the resource for the day of its records unless it is known,
// and returns its fingerprint and service name. The name may point into r.
func (b *Batch) Resource(at time.Time, r *Resource) (id uint64, service string) {
	id, service = b.Identify(r)
	b.Add(at, id, service, r)
	return id, service
}

// Identify is the resource's fingerprint and service name; it sorts the
// attributes.
func (b *Batch) Identify(r *Resource) (id uint64, service string) {
	attribute.Sort(r.Attributes)
	b.hasher.Reset()
	b.hasher.Attributes(r.Attributes)
	b.hasher.String(r.SchemaURL)
	return b.hasher.Sum(), ServiceName(r.Attributes)
}

// Add adds an identified resource for the day of its records unless it is
// known.
func (b *Batch) Add(at time.Time, id uint64, service string, r *Resource) {
	day := block.Day(at.Unix())
	if b.fresh(b.owner.resources, id, day) {
		b.resources.append(b, day, id, service, r)
	}
}

// Scope adds the scope for the day of its records unless it is known, and
// returns its fingerprint.
func (b *Batch) Scope(at time.Time, s *Scope) uint64 {
	id := b.IdentifyScope(s)
	b.AddScope(at, id, s)
	return id
}

// IdentifyScope is the scope's fingerprint; it sorts the attributes.
func (b *Batch) IdentifyScope(s *Scope) uint64 {
	attribute.Sort(s.Attributes)
	b.hasher.Reset()
	b.hasher.String(s.Name)
	b.hasher.String(s.Version)
	b.hasher.Attributes(s.Attributes)
	b.hasher.String(s.SchemaURL)
	return b.hasher.Sum()
}

// AddScope adds an identified scope for the day of its records unless it is
// known.
func (b *Batch) AddScope(at time.Time, id uint64, s *Scope) {
	day := block.Day(at.Unix())
	if b.fresh(b.owner.scopes, id, day) {
		b.scopes.append(b, day, id, s)
	}
}

func (b *Batch) fresh(o Owner, id uint64, day proto.Date) bool {
	key := o.Key(id, day, b.retention)
	if _, ok := b.added[key]; ok || b.known.Has(key) {
		return false
	}
	b.added[key] = struct{}{}
	return true
}

// MarkStored tells the memory of known rows that this batch's rows are stored.
// Call it only after the insert is known to be done.
func (b *Batch) MarkStored() { b.known.Add(b.Added(nil)) }

// Added appends the keys of this batch's rows to dst, for Known.Add when the
// batch cannot be kept until they are stored.
func (b *Batch) Added(dst []Key) []Key {
	for k := range b.added {
		dst = append(dst, k)
	}
	return dst
}

// Reset empties the batch and keeps its buffers.
func (b *Batch) Reset() {
	if len(b.added) == 0 {
		return
	}
	clear(b.added)
	b.resources.input().Reset()
	b.resources.attrs.Reset()
	b.scopes.input().Reset()
	b.scopes.attrs.Reset()
}

// Blocks appends the batch's blocks to dst: none, one or two.
func (b *Batch) Blocks(dst []block.Block) ([]block.Block, error) {
	for _, t := range []struct {
		table string
		rows  int
		input func() proto.Input
	}{
		{TableResources, b.resources.id.Rows(), b.resources.input},
		{TableScopes, b.scopes.id.Rows(), b.scopes.input},
	} {
		if t.rows == 0 {
			continue
		}
		blk, err := b.enc.Encode(t.table, t.rows, t.input())
		if err != nil {
			return dst, err
		}
		dst = append(dst, blk)
	}
	return dst, nil
}

// ServiceName is service.name, or unknown_service as the semantic conventions
// have it.
func ServiceName(attrs []attribute.KeyValue) string {
	if s := text(attrs, "service.name"); s != "" {
		return s
	}
	return "unknown_service"
}

func text(attrs []attribute.KeyValue, key string) string {
	for i := range attrs {
		if attrs[i].Key == key {
			return attrs[i].Value.Text()
		}
	}
	return ""
}
