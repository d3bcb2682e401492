package segment

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/storage/block"
)

// Entry is what one append writes: a frame that knows everything but its place.
type Entry struct {
	Time   int64 // unix ns; to be set before it is written
	frame  frame
	blocks []block.Block
	size   int64
}

// NewEntry makes an entry of the blocks of requests, which are known by keys.
// It makes the checksums. Blocks belong to the entry from then on.
func NewEntry(keys []Key, blocks []block.Block) (*Entry, error) {
	e := &Entry{frame: frame{kind: kindData, key: keys[0], parts: make([]part, 0, len(blocks)+1)}}
	for i := range blocks {
		b := &blocks[i]
		if len(b.Native) == 0 {
			continue
		}
		if n := len(b.Table); n == 0 || n > 255 {
			return nil, fmt.Errorf("table name %.40q", b.Table)
		}
		if len(keys) > 1 && len(e.frame.parts) == 0 { // before the first block that is not empty
			e.add(&block.Block{Native: keyBytes(keys[1:])})
		}
		e.add(b)
	}
	if f := &e.frame; f.body > maxFrame || f.dir > maxDirectory || len(f.parts) > 0xffff {
		return nil, fmt.Errorf("%d blocks of %d bytes are more than one append may have", len(blocks), f.body)
	}
	e.size = e.frame.end() // offset is still zero
	return e, nil
}

func (e *Entry) add(b *block.Block) {
	e.blocks = append(e.blocks, *b)
	e.frame.parts = append(e.frame.parts, part{
		Table: b.Table, Rows: uint32(b.Rows), Length: uint32(len(b.Native)), CRC: checksum(0, b.Native),
	})
	e.frame.body += int64(len(b.Native))
	e.frame.dir += entrySize + len(b.Table)
}

// Size is the bytes it takes in the file.
func (e *Entry) Size() int64 { return e.size }

// Empty tells whether there is nothing to be written.
func (e *Entry) Empty() bool { return len(e.frame.parts) == 0 }

// Free forgets the blocks, once it is written or given up.
func (e *Entry) Free() { e.blocks = nil }
