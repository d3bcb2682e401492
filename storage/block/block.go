package block

import (
	"fmt"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// Block is one piece of an insert body.
//
// Native is one ClickHouse compression frame (LZ4, checksummed) that holds one
// block in the Native format, names and types included. The Native parts of
// several blocks of one table, one after the other, are a valid body for
// INSERT ... FORMAT Native with decompress=1.
type Block struct {
	Table  string
	Rows   int
	Native []byte
}

// Encoder turns columns into blocks and keeps its buffers between calls. The
// zero value is ready. Not safe for concurrent use.
type Encoder struct {
	raw  proto.Buffer
	comp *compress.Writer
}

// Encode makes one block of rows rows. The block owns its bytes. The columns
// are left as they were; resetting them is the caller's business.
func (e *Encoder) Encode(table string, rows int, columns proto.Input) (Block, error) {
	if e.comp == nil {
		e.comp = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	e.raw.Reset()
	b := proto.Block{Columns: len(columns), Rows: rows}
	// Revision 0: the HTTP interface reads the format without client features.
	if err := b.EncodeRawBlock(&e.raw, 0, columns); err != nil {
		return Block{}, fmt.Errorf("block: table %q: %w", table, err)
	}
	if err := e.comp.Compress(e.raw.Buf); err != nil {
		return Block{}, fmt.Errorf("block: table %q: compress: %w", table, err)
	}
	return Block{Table: table, Rows: rows, Native: append([]byte(nil), e.comp.Data...)}, nil
}
