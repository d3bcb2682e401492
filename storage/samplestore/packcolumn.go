package samplestore

import (
	"fmt"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// packColumn is a String column that keeps what the blocks of a read bring, all in
// one buffer; of the rows only the last block's are known.
type packColumn struct {
	buf  []byte
	ends []uint32 // of the rows of a block
	from uint32   // where they begin
}

// Type is String.
func (*packColumn) Type() proto.ColumnType { return proto.ColumnTypeString }

// Rows is the number of rows of the block.
func (c *packColumn) Rows() int { return len(c.ends) }

// Reset forgets which rows there are, and keeps their bytes.
func (c *packColumn) Reset() { c.ends = c.ends[:0] }

// DecodeColumn reads the rows of a block.
func (c *packColumn) DecodeColumn(r *proto.Reader, rows int) error {
	c.Reset()
	c.from = uint32(len(c.buf))
	for i := range rows {
		n, err := r.StrLen()
		if err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		if n > 0 {
			k := len(c.buf)
			if k+n > math.MaxUint32 {
				return fmt.Errorf("row %d: more than 4 GB", i)
			}
			c.buf = slices.Grow(c.buf, n)[:k+n]
			if err := r.ReadFull(c.buf[k:]); err != nil {
				return fmt.Errorf("row %d: %w", i, err)
			}
		}
		c.ends = append(c.ends, uint32(len(c.buf)))
	}
	return nil
}

// span is where row i of the block is in the buffer.
func (c *packColumn) span(i int) (at, n uint32) {
	at = c.from
	if i > 0 {
		at = c.ends[i-1]
	}
	return at, c.ends[i] - at
}
