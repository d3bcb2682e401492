package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/go-faster/city"
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
	frames []byte
	lz4    lz4
}

// frameSize is how much one compression frame holds, as in ClickHouse's own
// writers: both sides need a buffer of a frame, not of a block.
const frameSize = 1 << 20

// A compression frame is
//
//	bytes 0-15   CityHash128 of the rest, as ClickHouse has it
//	byte  16     0x82: LZ4
//	bytes 17-20  length from byte 16 on
//	bytes 21-24  length decompressed
//	             the data
const (
	frameHeader = 25
	frameMethod = 16
	methodLZ4   = 0x82
)

// Encode makes one block of rows rows. The block owns its bytes. The columns
// are left as they were; resetting them is the caller's business.
func (e *Encoder) Encode(table string, rows int, columns proto.Input) (Block, error) {
	e.raw.Reset()
	b := proto.Block{Columns: len(columns), Rows: rows}
	// Revision 0: the HTTP interface reads the format without client features.
	if err := b.EncodeRawBlock(&e.raw, 0, columns); err != nil {
		return Block{}, fmt.Errorf("block: table %q: %w", table, err)
	}
	e.frames = e.frames[:0]
	for part := range slices.Chunk(e.raw.Buf, frameSize) {
		e.frame(part)
	}
	return Block{Table: table, Rows: rows, Native: bytes.Clone(e.frames)}, nil
}

// frame appends a frame of b.
func (e *Encoder) frame(b []byte) {
	start := len(e.frames)
	e.frames = append(e.frames, make([]byte, frameHeader)...)
	e.frames = e.lz4.compress(e.frames, b)
	frame := e.frames[start:]
	frame[frameMethod] = methodLZ4
	binary.LittleEndian.PutUint32(frame[17:], uint32(len(frame)-frameMethod))
	binary.LittleEndian.PutUint32(frame[21:], uint32(len(b)))
	sum := city.CH128(frame[frameMethod:])
	binary.LittleEndian.PutUint64(frame, sum.Low)
	binary.LittleEndian.PutUint64(frame[8:], sum.High)
}
