package block

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// Dict is a LowCardinality(String) column. Unlike ch-go's it copies each
// distinct value once and keeps none of the caller's memory, so strings may
// alias a request buffer; and it keeps a row as a number, so that nothing is
// hashed twice.
type Dict struct {
	index  map[string]uint32
	values []string
	rows   []uint32
	last   uint32 // the previous row's number: runs are common
}

// Append adds a row.
func (d *Dict) Append(s string) {
	if len(d.values) > 0 && d.values[d.last] == s {
		d.rows = append(d.rows, d.last)
		return
	}
	n, ok := d.index[s]
	if !ok {
		if d.index == nil {
			d.index = make(map[string]uint32)
		}
		owned := string([]byte(s))
		n = uint32(len(d.values))
		d.values = append(d.values, owned)
		d.index[owned] = n
	}
	d.last = n
	d.rows = append(d.rows, n)
}

// Type is LowCardinality(String).
func (*Dict) Type() proto.ColumnType { return "LowCardinality(String)" }

// Rows is the number of rows appended.
func (d *Dict) Rows() int { return len(d.rows) }

// Reset forgets rows and dictionary.
func (d *Dict) Reset() {
	clear(d.index)
	clear(d.values)
	d.values, d.rows, d.last = d.values[:0], d.rows[:0], 0
}

// EncodeState writes the version of the key serialization.
func (*Dict) EncodeState(b *proto.Buffer) { b.PutInt64(dictVersion) }

const (
	dictVersion = 1
	dictFlags   = 1<<9 | 1<<10 // has additional keys, update dictionary
)

// EncodeColumn writes dictionary and keys:
//
//	int64   flags: has additional keys | update dictionary | key width
//	int64   number of dictionary values, then the values
//	int64   number of rows, then a key of 1, 2 or 4 bytes for each
func (d *Dict) EncodeColumn(b *proto.Buffer) {
	if len(d.rows) == 0 {
		return
	}
	width, flag := keyWidth(len(d.values))
	b.PutInt64(dictFlags | flag)
	b.PutInt64(int64(len(d.values)))
	for _, v := range d.values {
		b.PutString(v)
	}
	b.PutInt64(int64(len(d.rows)))
	appendKeys(b, d.rows, width)
}

func keyWidth(values int) (width int, flag int64) {
	switch {
	case values <= 1<<8:
		return 1, 0
	case values <= 1<<16:
		return 2, 1
	}
	return 4, 2
}

func appendKeys(b *proto.Buffer, keys []uint32, width int) {
	switch width {
	case 1:
		for _, k := range keys {
			b.Buf = append(b.Buf, byte(k))
		}
	case 2:
		for _, k := range keys {
			b.Buf = binary.LittleEndian.AppendUint16(b.Buf, uint16(k))
		}
	default:
		for _, k := range keys {
			b.Buf = binary.LittleEndian.AppendUint32(b.Buf, k)
		}
	}
}

// WriteColumn writes the column for a streaming writer.
func (d *Dict) WriteColumn(w *proto.Writer) { w.ChainBuffer(d.EncodeColumn) }
