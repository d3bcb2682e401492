package block

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// Block is one piece of an insert body.
//
// Native is one block in the Native format, names and types included, in
// ClickHouse compression frames (LZ4, checksummed) of at most 1 MiB of content.
// The Native parts of several blocks of one table, one after the other, are a
// valid body for INSERT ... FORMAT Native with decompress=1.
type Block struct {
	Table  string
	Rows   int
	Native []byte
}

// Encoder turns columns into blocks and keeps its buffers between calls. The
// zero value is ready. Not safe for concurrent use.
type Encoder struct {
	raw    proto.Buffer
	frame  *compress.Writer
	frames []byte
}

// frameSize is how much one compression frame holds, as in ClickHouse's own
// writers: both sides need a buffer of a frame, not of a block.
const frameSize = 1 << 20

// Encode makes one block of rows rows. The block owns its bytes. The columns
// are left as they were; resetting them is the caller's business.
func (e *Encoder) Encode(table string, rows int, columns proto.Input) (Block, error) {
	if e.frame == nil {
		e.frame = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	e.raw.Reset()
	b := proto.Block{Columns: len(columns), Rows: rows}
	// Revision 0: the HTTP interface reads the format without client features.
	if err := b.EncodeRawBlock(&e.raw, 0, columns); err != nil {
		return Block{}, fmt.Errorf("block: table %q: %w", table, err)
	}
	e.frames = e.frames[:0]
	for part := range slices.Chunk(e.raw.Buf, frameSize) {
		if err := e.frame.Compress(part); err != nil {
			return Block{}, fmt.Errorf("block: table %q: compress: %w", table, err)
		}
		e.frames = append(e.frames, e.frame.Data...)
	}
	return Block{Table: table, Rows: rows, Native: bytes.Clone(e.frames)}, nil
}
