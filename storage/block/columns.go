package block

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// Strings is a String column. Unlike ch-go's it keeps rows as they are written,
// so that encoding it is one copy. Strings are copied.
type Strings struct {
	buf  []byte
	rows int
}

// Append adds a row.
func (c *Strings) Append(s string) {
	if len(s) < 0x80 {
		c.buf = append(c.buf, byte(len(s)))
	} else {
		c.buf = binary.AppendUvarint(c.buf, uint64(len(s)))
	}
	c.buf = append(c.buf, s...)
	c.rows++
}

// AppendBytes adds a row.
func (c *Strings) AppendBytes(b []byte) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(b))), b...)
	c.rows++
}

// Type is String.
func (*Strings) Type() proto.ColumnType { return proto.ColumnTypeString }

// Rows is the number of rows appended.
func (c *Strings) Rows() int { return c.rows }

// Reset forgets the rows.
func (c *Strings) Reset() { c.buf, c.rows = c.buf[:0], 0 }

// EncodeColumn writes the rows.
func (c *Strings) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buf...) }

// WriteColumn writes the column for a streaming writer.
func (c *Strings) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

// TraceIDs is a FixedString(16) column.
type TraceIDs struct{ buf []byte }

// Append adds a row.
func (c *TraceIDs) Append(id *[16]byte) { c.buf = append(c.buf, id[:]...) }

// Type is FixedString(16).
func (*TraceIDs) Type() proto.ColumnType { return "FixedString(16)" }

// Rows is the number of rows appended.
func (c *TraceIDs) Rows() int { return len(c.buf) / 16 }

// Reset forgets the rows.
func (c *TraceIDs) Reset() { c.buf = c.buf[:0] }

// EncodeColumn writes the rows.
func (c *TraceIDs) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buf...) }

// WriteColumn writes the column for a streaming writer.
func (c *TraceIDs) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

// SpanIDs is a FixedString(8) column.
type SpanIDs struct{ buf []byte }

// Append adds a row.
func (c *SpanIDs) Append(id *[8]byte) { c.buf = append(c.buf, id[:]...) }

// Type is FixedString(8).
func (*SpanIDs) Type() proto.ColumnType { return "FixedString(8)" }

// Rows is the number of rows appended.
func (c *SpanIDs) Rows() int { return len(c.buf) / 8 }

// Reset forgets the rows.
func (c *SpanIDs) Reset() { c.buf = c.buf[:0] }

// EncodeColumn writes the rows.
func (c *SpanIDs) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buf...) }

// WriteColumn writes the column for a streaming writer.
func (c *SpanIDs) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }
