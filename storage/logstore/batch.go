package logstore

import (
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Table is where log records are.
const Table = "logs"

// Record is one log record to be stored. Its strings may alias a request
// buffer: Append copies what it keeps.
type Record struct {
	Time, ObservedTime int64 // Unix nanoseconds; a zero Time is replaced by ObservedTime
	SeverityNumber     uint8
	SeverityText       string
	TraceID            [16]byte
	SpanID             [8]byte
	Flags              uint32
	EventName          string
	Body               attribute.Value
	Attributes         []attribute.KeyValue
	Dropped            uint32
	Service            string
	ResourceID         uint64
	ScopeID            uint64
}

// Sequence numbers records, so that (time, id) is a total order and a cursor
// into it is exact. It starts at the clock, hence grows over restarts as long
// as fewer than a record a nanosecond arrive. Safe for concurrent use.
type Sequence struct{ next atomic.Uint64 }

// NewSequence starts a sequence now.
func NewSequence() *Sequence { return SequenceAt(time.Now()) }

// SequenceAt starts a sequence at a reading of the clock.
func SequenceAt(t time.Time) *Sequence {
	s := &Sequence{}
	s.next.Store(uint64(t.UnixNano()))
	return s
}

// Batch collects the log records of one request of one tenant. Not safe for
// concurrent use.
type Batch struct {
	seq   *Sequence
	text  []byte
	enc   block.Encoder
	input proto.Input

	owner                   *block.Owner
	service                 block.Dict
	time, observed          proto.ColInt64
	id                      proto.ColUInt64
	severity                proto.ColUInt8
	severityText, eventName block.Dict
	traceID                 block.TraceIDs
	spanID                  block.SpanIDs
	flags                   proto.ColUInt32
	body                    block.Strings
	bodyKind                proto.ColUInt8
	attrs                   block.Attributes
	dropped                 proto.ColUInt32
	resource, scope         proto.ColUInt64
}

// NewBatch makes an empty batch.
func NewBatch(t tenant.ID, retentionDays uint16, seq *Sequence) *Batch {
	b := &Batch{seq: seq, owner: block.NewOwner(string(t), retentionDays)}
	b.input = b.columns()
	return b
}

// Rows is the number of records appended.
func (b *Batch) Rows() int { return len(b.id) }

// Append adds a record. It allocates only while buffers grow.
func (b *Batch) Append(r *Record) {
	t := r.Time
	if t == 0 {
		t = r.ObservedTime
	}
	b.owner.AddRow()
	b.service.Append(r.Service)
	b.time.Append(t)
	b.observed.Append(r.ObservedTime)
	b.id.Append(b.seq.next.Add(1))
	b.severity.Append(r.SeverityNumber)
	b.severityText.Append(r.SeverityText)
	b.traceID.Append(&r.TraceID)
	b.spanID.Append(&r.SpanID)
	b.flags.Append(r.Flags)
	b.eventName.Append(r.EventName)
	b.appendBody(&r.Body)
	b.attrs.Append(r.Attributes)
	b.dropped.Append(r.Dropped)
	b.resource.Append(r.ResourceID)
	b.scope.Append(r.ScopeID)
}

func (b *Batch) appendBody(v *attribute.Value) {
	b.bodyKind.Append(uint8(v.Kind))
	switch v.Kind {
	case attribute.String:
		b.body.Append(v.Str)
	case attribute.Empty:
		b.body.Append("")
	default:
		b.text = v.AppendJSON(b.text[:0])
		b.body.AppendBytes(b.text)
	}
}

func (b *Batch) columns() proto.Input {
	return append(b.owner.Columns(proto.Input{
		{Name: "service_name", Data: &b.service},
		{Name: "time", Data: block.Typed(&b.time, block.Nanoseconds)},
		{Name: "observed_time", Data: block.Typed(&b.observed, block.Nanoseconds)},
		{Name: "id", Data: &b.id},
		{Name: "severity_number", Data: &b.severity},
		{Name: "severity_text", Data: &b.severityText},
		{Name: "trace_id", Data: &b.traceID},
		{Name: "span_id", Data: &b.spanID},
		{Name: "flags", Data: &b.flags},
		{Name: "event_name", Data: &b.eventName},
		{Name: "body", Data: &b.body},
		{Name: "body_kind", Data: &b.bodyKind},
		{Name: "dropped_attributes_count", Data: &b.dropped},
		{Name: "resource_id", Data: &b.resource},
		{Name: "scope_id", Data: &b.scope},
	}...), b.attrs.IndexedColumns()...)
}

// Blocks appends the batch's block to dst; an empty batch has none.
func (b *Batch) Blocks(dst []block.Block) ([]block.Block, error) {
	if b.Rows() == 0 {
		return dst, nil
	}
	blk, err := b.enc.Encode(Table, b.Rows(), b.input)
	if err != nil {
		return dst, err
	}
	return append(dst, blk), nil
}

// Reset empties the batch and keeps its buffers.
func (b *Batch) Reset() {
	b.input.Reset()
	b.attrs.Reset()
}
