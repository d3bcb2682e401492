package protofield

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// Body is a request. The first thing that is wrong with it ends the reading of
// all its messages.
type Body struct {
	data []byte
	err  error
}

// NewBody reads data, to which everything read may point.
func NewBody(data []byte) *Body { return &Body{data: data} }

// Err is what ended the reading, nil if nothing was wrong so far.
func (b *Body) Err() error { return b.err }

// Stop ends the reading because of err.
func (b *Body) Stop(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Message is the outermost message.
func (b *Body) Message() Message { return Message{body: b, end: len(b.data)} }

// Message is a message and a place in it. Copying it remembers the place.
//
//	for m.Next() {
//		switch m.Number() {
//		case 1:
//			name = m.Text()
type Message struct {
	body     *Body
	pos, end int

	number   protowire.Number
	wire     protowire.Type
	n        uint64 // the value of a number
	from, to int    // the value of anything with a length
}

// Next goes to the next field. It is false at the end and after an error.
func (m *Message) Next() bool {
	if m.pos >= m.end || m.body.err != nil {
		return false
	}
	rest := m.body.data[m.pos:m.end]
	number, wire, size := protowire.ConsumeTag(rest)
	if size < 0 {
		return m.fail(protowire.ParseError(size))
	}
	value := rest[size:]
	length := 0
	switch wire {
	case protowire.VarintType:
		m.n, length = protowire.ConsumeVarint(value)
	case protowire.Fixed64Type:
		m.n, length = protowire.ConsumeFixed64(value)
	case protowire.BytesType:
		var b []byte
		b, length = protowire.ConsumeBytes(value)
		m.to = m.pos + size + length
		m.from = m.to - len(b)
	default:
		length = protowire.ConsumeFieldValue(number, wire, value)
	}
	if length < 0 {
		return m.fail(protowire.ParseError(length))
	}
	m.number, m.wire = number, wire
	m.pos += size + length
	return true
}

func (m *Message) fail(err error) bool {
	m.body.Stop(&ingest.MalformedError{Format: "protobuf", Offset: m.pos, Err: err})
	return false
}

// Malformed ends the reading: the value of the field is wrong.
func (m *Message) Malformed(text string) { m.fail(errors.New(text)) }

func (m *Message) want(wire protowire.Type) bool {
	if m.wire != wire {
		return m.fail(fmt.Errorf("field %d has wire type %d, want %d", m.number, m.wire, wire))
	}
	return true
}

// Number is the field's number.
func (m *Message) Number() int { return int(m.number) }

// Message is the field as a message.
func (m *Message) Message() Message {
	if !m.want(protowire.BytesType) {
		return Message{body: m.body}
	}
	return Message{body: m.body, pos: m.from, end: m.to}
}

// Bytes is the field as bytes of the request.
func (m *Message) Bytes() []byte {
	if !m.want(protowire.BytesType) {
		return nil
	}
	return m.body.data[m.from:m.to]
}

// Text is the field as text in the bytes of the request.
func (m *Message) Text() string {
	b := m.Bytes()
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// Varint is the field as a number of type uint64, int64, uint32 or enum.
func (m *Message) Varint() uint64 {
	if !m.want(protowire.VarintType) {
		return 0
	}
	return m.n
}

// Zigzag is the field as a number of type sint64 or sint32.
func (m *Message) Zigzag() int64 { return protowire.DecodeZigZag(m.Varint()) }

// Double is the field as a number of type double, bit for bit.
func (m *Message) Double() float64 {
	if !m.want(protowire.Fixed64Type) {
		return 0
	}
	return math.Float64frombits(m.n)
}

// Varints calls each for every number of the field, packed or not. It ends
// early when each is false.
func (m *Message) Varints(each func(uint64) bool) {
	if m.wire == protowire.VarintType {
		each(m.n)
		return
	}
	for b := m.Bytes(); len(b) > 0; {
		n, size := protowire.ConsumeVarint(b)
		if size < 0 {
			m.fail(protowire.ParseError(size))
			return
		}
		if !each(n) {
			return
		}
		b = b[size:]
	}
}

// Doubles is Varints for doubles, as bits.
func (m *Message) Doubles(each func(uint64) bool) {
	if m.wire == protowire.Fixed64Type {
		each(m.n)
		return
	}
	for b := m.Bytes(); len(b) > 0; {
		n, size := protowire.ConsumeFixed64(b)
		if size < 0 {
			m.fail(protowire.ParseError(size))
			return
		}
		if !each(n) {
			return
		}
		b = b[size:]
	}
}

// Err is what ended the reading of the request.
func (m *Message) Err() error { return m.body.err }
