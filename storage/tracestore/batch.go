package tracestore

import (
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tables that a Batch fills.
const (
	TableSpans = "spans"
	TableIndex = "trace_index"
)

// Record is one span to be stored. Its strings may alias a request buffer:
// Append copies what it keeps.
type Record struct {
	TraceID        [16]byte
	SpanID, Parent [8]byte
	TraceState     string
	Flags          uint32
	Name           string
	Kind           uint8 // OTLP number
	Start, End     int64 // Unix nanoseconds
	StatusCode     uint8 // OTLP number
	StatusMessage  string
	Attributes     []attribute.KeyValue
	Events         []Event
	Links          []Link

	DroppedAttributes, DroppedEvents, DroppedLinks uint32

	Service             string
	ResourceID, ScopeID uint64
}

// Event is something that happened during a span.
type Event struct {
	Time       int64 // Unix nanoseconds
	Name       string
	Attributes []attribute.KeyValue
	Dropped    uint32
}

// Link points from a span to another.
type Link struct {
	TraceID    [16]byte
	SpanID     [8]byte
	TraceState string
	Flags      uint32
	Attributes []attribute.KeyValue
	Dropped    uint32
}

// Batch collects the spans of one request of one tenant. Not safe for
// concurrent use.
type Batch struct {
	// Vocabulary is told of the values of attributes; nil for nobody. What is new to
	// it becomes rows of TableValues.
	Vocabulary *Vocabulary

	text   []byte
	enc    block.Encoder
	spans  *spanColumns
	index  *indexColumns
	traces map[[16]byte]int // row of the trace in index
	last   [16]byte         // the trace of the last span, and its row in index
	row    int
	words  *words
}

// NewBatch makes an empty batch.
func NewBatch(t tenant.ID, retentionDays uint16) *Batch {
	return &Batch{
		spans:  newSpanColumns(block.NewOwner(string(t), retentionDays)),
		index:  newIndexColumns(block.NewOwner(string(t), retentionDays)),
		traces: map[[16]byte]int{},
		words:  newWords(string(t), block.NewOwner(string(t), retentionDays)),
	}
}

// Rows is the number of spans appended.
func (b *Batch) Rows() int { return len(b.spans.start) }

// Append adds a span. It allocates only while buffers grow.
func (b *Batch) Append(r *Record) {
	c := b.spans
	end := max(r.End, r.Start)
	c.owner.AddRow()
	c.service.Append(r.Service)
	c.name.Append(r.Name)
	c.start.Append(r.Start)
	c.duration.Append(uint64(end - r.Start))
	c.kind.Append(r.Kind)
	c.statusCode.Append(r.StatusCode)
	c.statusMessage.Append(r.StatusMessage)
	c.traceID.Append(&r.TraceID)
	c.spanID.Append(&r.SpanID)
	c.parent.Append(&r.Parent)
	c.traceState.Append(r.TraceState)
	c.flags.Append(r.Flags)
	c.attrs.Append(r.Attributes)
	c.dropped.Append(r.DroppedAttributes)
	c.droppedEvents.Append(r.DroppedEvents)
	c.droppedLinks.Append(r.DroppedLinks)
	c.resource.Append(r.ResourceID)
	c.scope.Append(r.ScopeID)
	b.appendEvents(r.Events)
	b.appendLinks(r.Links)
	b.appendIndex(r.TraceID, r.Start, end)
	if b.Vocabulary != nil {
		b.words.see(b.Vocabulary, r)
	}
}

func (b *Batch) appendEvents(events []Event) {
	c := b.spans.event
	for i := range events {
		e := &events[i]
		c.time.Append(e.Time)
		c.name.Append(e.Name)
		b.text = attribute.AppendJSON(b.text[:0], e.Attributes)
		c.attrs.AppendBytes(b.text)
		c.dropped.Append(e.Dropped)
	}
	c.arrays.EndRow()
}

func (b *Batch) appendLinks(links []Link) {
	c := b.spans.link
	for i := range links {
		l := &links[i]
		c.traceID.Append(&l.TraceID)
		c.spanID.Append(&l.SpanID)
		c.traceState.Append(l.TraceState)
		c.flags.Append(l.Flags)
		b.text = attribute.AppendJSON(b.text[:0], l.Attributes)
		c.attrs.AppendBytes(b.text)
		c.dropped.Append(l.Dropped)
	}
	c.arrays.EndRow()
}

// appendIndex widens the trace's time range, one index row a trace and batch.
// Spans of a trace mostly follow each other.
func (b *Batch) appendIndex(id [16]byte, start, end int64) {
	c := b.index
	if len(c.start) == 0 || b.last != id {
		row, ok := b.traces[id]
		if !ok {
			row = len(c.start)
			b.traces[id] = row
			c.owner.AddRow()
			c.traceID.Append(&id)
			c.start.Append(start)
			c.end.Append(end)
		}
		b.last, b.row = id, row
	}
	c.start[b.row] = min(c.start[b.row], start)
	c.end[b.row] = max(c.end[b.row], end)
}

// Blocks appends the batch's blocks to dst, the index before the spans, so
// that a span that can be found by its table can be found by its trace; an
// empty batch has none.
func (b *Batch) Blocks(dst []block.Block) ([]block.Block, error) {
	if b.Rows() == 0 {
		return dst, nil
	}
	b.index.day = b.index.day[:0]
	for _, start := range b.index.start {
		b.index.day = append(b.index.day, block.Day(start/1e9))
	}
	index, err := b.enc.Encode(TableIndex, len(b.index.start), b.index.input)
	if err != nil {
		return dst, err
	}
	spans, err := b.enc.Encode(TableSpans, b.Rows(), b.spans.input)
	if err != nil {
		return dst, err
	}
	dst = append(dst, index, spans)
	if rows := b.words.columns.value.Rows(); rows > 0 {
		values, err := b.enc.Encode(TableValues, rows, b.words.columns.input)
		if err != nil {
			return dst, err
		}
		dst = append(dst, values)
	}
	return dst, nil
}

// Learned is for when the rows are stored: it tells the Vocabulary which values
// need not come again. It can be called after Reset.
func (b *Batch) Learned() func() {
	v, list := b.Vocabulary, b.words.list
	if v == nil || len(list) == 0 {
		return func() {}
	}
	return func() { v.add(list) }
}

// Reset empties the batch and keeps its buffers.
func (b *Batch) Reset() {
	b.spans.input.Reset()
	b.spans.attrs.Reset()
	b.index.input.Reset()
	clear(b.traces)
	b.words.reset()
}
