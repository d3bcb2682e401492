package trefoilclient

import (
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// An Arrow stream is a row of messages, a schema first:
//
//	┌──────────┬──────────┬───────────────┬────────────────┐
//	│ ff ff ff │ int32    │ metadata      │ body           │
//	│ ff       │ its size │ (flatbuffer)  │ (bodyLength)   │   … then ff ff ff ff 00 00 00 00
//	└──────────┴──────────┴───────────────┴────────────────┘
//
// The Arrow library trusts every count in the metadata and allocates by it, which
// a damaged answer turns into an exhausted machine. Each message is therefore
// checked before the library sees it: all sizes lie within its bytes. Refused is
// what Trefoil's API never sends: dictionaries, compressed bodies, exotic types.

const (
	messageSchema      = 1
	messageRecordBatch = 3
	maxNesting         = 8
	maxFields          = 256
)

// Field slots of the tables in Arrow's Message.fbs and Schema.fbs.
const (
	slotMessageHeaderType = 6
	slotMessageHeader     = 8
	slotMessageBodyLength = 10
	slotSchemaFields      = 6
	slotSchemaMetadata    = 8
	slotFieldTypeType     = 8
	slotFieldDictionary   = 12
	slotFieldChildren     = 14
	slotFieldMetadata     = 16
	slotBatchLength       = 4
	slotBatchNodes        = 6
	slotBatchBuffers      = 8
	slotBatchCompression  = 10
)

// Types by their number in Schema.fbs: those whose metadata holds no counts.
var plainTypes = map[byte]bool{
	2: true /* Int */, 3: true /* FloatingPoint */, 4: true /* Binary */, 5: true, /* Utf8 */
	6: true /* Bool */, 10: true /* Timestamp */, 12: true /* List */, 13: true, /* Struct */
	17: true /* Map */, 18: true /* Duration */, 19: true /* LargeBinary */, 20: true, /* LargeUtf8 */
}

// verify checks a message's metadata and returns the length of its body. It may
// panic on metadata that is no flatbuffer; the Arrow reader and batches recover.
func (s *arrowStream) verify(meta []byte) (body int64, err error) {
	m := rootTable(meta)
	if body = m.int64(slotMessageBodyLength); body < 0 {
		return 0, errCutShort
	}
	header, ok := m.table(slotMessageHeader)
	if !ok {
		return 0, errors.New("arrow stream: a message has no header")
	}
	switch kind := m.byte(slotMessageHeaderType); {
	case kind == messageSchema && s.columns == 0:
		s.columns, err = verifySchema(header)
	case kind == messageRecordBatch && s.columns > 0:
		err = verifyBatch(header, s.columns, body)
	default:
		err = fmt.Errorf("arrow stream: message of type %d out of place", kind)
	}
	return body, err
}

func verifySchema(schema table) (columns int, err error) {
	if _, err := schema.vector(slotSchemaMetadata, 4); err != nil {
		return 0, err
	}
	seen := 0
	columns, err = verifyFields(schema, slotSchemaFields, &seen, 0)
	if err == nil && columns == 0 {
		err = errors.New("arrow stream: no columns")
	}
	return columns, err
}

// verifyFields checks a vector of fields and their children, counting all in seen:
// shared children would let a small schema describe an endless one.
func verifyFields(parent table, slot flatbuffers.VOffsetT, seen *int, depth int) (int, error) {
	n, err := parent.vector(slot, 4)
	if err != nil {
		return 0, err
	}
	if *seen += n; *seen > maxFields || depth > maxNesting {
		return 0, errors.New("arrow stream: too many columns")
	}
	for i := range n {
		f := parent.element(slot, i)
		if kind := f.byte(slotFieldTypeType); !plainTypes[kind] {
			return 0, fmt.Errorf("arrow stream: a column of type %d", kind)
		}
		if _, has := f.table(slotFieldDictionary); has {
			return 0, errors.New("arrow stream: a dictionary")
		}
		if _, err := f.vector(slotFieldMetadata, 4); err != nil {
			return 0, err
		}
		if _, err := verifyFields(f, slotFieldChildren, seen, depth+1); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func verifyBatch(batch table, columns int, body int64) error {
	if _, compressed := batch.table(slotBatchCompression); compressed {
		return errors.New("arrow stream: a compressed body")
	}
	if _, err := batch.vector(slotBatchNodes, 16); err != nil {
		return err
	}
	if _, err := batch.vector(slotBatchBuffers, 16); err != nil {
		return err
	}
	// A row has at least a byte in each column.
	if rows := batch.int64(slotBatchLength); rows < 0 || rows > body/int64(columns) {
		return fmt.Errorf("arrow stream: %d rows in %d bytes", rows, body)
	}
	return nil
}

// table reads one flatbuffer table; slots it lacks read as zero.
type table struct{ flatbuffers.Table }

func rootTable(b []byte) table {
	return table{flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}}
}

func (t table) byte(slot flatbuffers.VOffsetT) byte   { return t.GetByteSlot(slot, 0) }
func (t table) int64(slot flatbuffers.VOffsetT) int64 { return t.GetInt64Slot(slot, 0) }

func (t table) table(slot flatbuffers.VOffsetT) (table, bool) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(o + t.Pos)}}, true
}

// vector is the length of a vector whose elements of the given size all lie
// within the buffer.
func (t table) vector(slot flatbuffers.VOffsetT, size int64) (int, error) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0, nil
	}
	n, start := int64(t.VectorLen(o)), int64(t.Vector(o))
	if n < 0 || n > (int64(len(t.Bytes))-start)/size {
		return 0, fmt.Errorf("arrow stream: a list of %d within %d bytes of metadata", n, len(t.Bytes))
	}
	return int(n), nil
}

// element is the i-th table of a vector checked by vector.
func (t table) element(slot flatbuffers.VOffsetT, i int) table {
	start := t.Vector(flatbuffers.UOffsetT(t.Offset(slot)))
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(start + flatbuffers.UOffsetT(i)*4)}}
}
