package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/block"
)

// memory is a file and the file system it is alone on.
type memory struct {
	FS   // what is not here is not called
	data []byte
}

func (m *memory) Create(string) (File, error) { return m, nil }
func (m *memory) SyncDir(string) error        { return nil }
func (m *memory) Sync() error                 { return nil }
func (m *memory) Close() error                { return nil }
func (m *memory) Size() (int64, error)        { return int64(len(m.data)), nil }
func (m *memory) Allocate(int64, int64) error { return nil }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, off)
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(m.data) {
		m.data = append(m.data, make([]byte, end-len(m.data))...)
	}
	return copy(m.data[off:], p), nil
}

func (m *memory) Truncate(size int64) error {
	if int(size) < len(m.data) {
		m.data = m.data[:size]
	}
	return nil
}

// blocksOf is rows of 4 bytes that all name the append.
func blocksOf(id uint32) []block.Block {
	rows := func(table string, n int) block.Block {
		return block.Block{Table: table, Rows: n, Native: bytes.Repeat(binary.LittleEndian.AppendUint32(nil, id), n)}
	}
	return []block.Block{rows("logs", 1+int(id%50)), rows("spans", 1+int(id%7))}
}

// sound is a sealed segment of three appends, of which the last is two requests.
func sound(t testing.TB) []byte {
	t.Helper()
	m := &memory{}
	w, err := Create(m, "1.wal", []Key{{9}, {8}}, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint32(3) {
		keys := []Key{{byte(id + 1)}}
		if id == 2 {
			keys = append(keys, Key{7})
		}
		e, err := NewEntry(keys, blocksOf(id))
		if err != nil {
			t.Fatal(err)
		}
		e.Time = time.Unix(1_800_000_001, 0).UnixNano()
		if err := errors.Join(w.Write([]*Entry{e}), w.Sync()); err != nil {
			t.Fatal(err)
		}
	}
	if size, err := w.Seal(); err != nil || size != int64(len(m.data)) {
		t.Fatalf("%d bytes of %d, %v", size, len(m.data), err)
	}
	return m.data
}

// readAndRepair reads b as a segment: what is found must lie in it and have the
// right checksums, and after a repair the file must be sound and hold the same.
func readAndRepair(t *testing.T, b []byte) *Contents {
	t.Helper()
	m := &memory{data: slices.Clone(b)}
	c, err := Read(m, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range c.Tables {
		var sum int64
		for _, e := range table.Extents {
			if int64(e.Offset)+int64(e.Length) > int64(len(b)) || checksum(0, b[e.Offset:e.Offset+e.Length]) != e.crc {
				t.Fatalf("extent %+v of %d bytes", e, len(b))
			}
			sum += int64(e.Length)
		}
		if sum != table.Bytes {
			t.Fatalf("%d bytes, counted %d", sum, table.Bytes)
		}
	}
	if c.Frames == 0 || c.Header.Version > Version {
		return c
	}
	frames, damage, aside := c.Frames, 0, 0
	for _, h := range c.Holes {
		if h.Damage {
			damage++
		}
	}
	if err := c.Repair(m, func(h Hole) error {
		if h.From < 0 || h.To > int64(len(b)) || h.From >= h.To {
			t.Fatalf("hole %+v of %d bytes", h, len(b))
		}
		aside++
		return nil
	}); err != nil || aside != damage {
		t.Fatalf("repair: %v; %d of %d holes aside", err, aside, damage)
	}
	again, err := Read(m, int64(len(m.data)))
	if err != nil || len(again.Holes) > 0 || again.End != again.Size || !again.Sealed() || again.Frames != frames {
		t.Fatalf("after repair: %+v, %v; before: %+v", again, err, c)
	}
	for i, table := range again.Tables {
		if was := c.Tables[i]; was.Name != table.Name || was.Rows != table.Rows || was.Bytes != table.Bytes {
			t.Fatalf("%+v, was %+v", table, was)
		}
	}
	end, ok, err := Tail(m, int64(len(m.data)))
	if err != nil || ok && (end.Header.ID != again.Header.ID || len(end.Done) != len(again.Done)) {
		t.Fatalf("the end says %+v, %v, the whole %+v", end, err, again)
	}
	return c
}

// FuzzSegment reads any bytes as a segment.
func FuzzSegment(f *testing.F) {
	b := sound(f)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, b []byte) { readAndRepair(t, b) })
}

// FuzzDamage damages a good segment: each four bytes of edits are a place, a
// way and an amount. Of the appends that are found, all must be as they were.
func FuzzDamage(f *testing.F) {
	good := sound(f)
	f.Add([]byte{100, 0, 0, 1})
	f.Add([]byte{100, 0, 1, 50, 36, 0, 4, 200})
	f.Add([]byte{0, 1, 2, 120, 50, 1, 3, 9})
	f.Fuzz(func(t *testing.T, edits []byte) {
		b := slices.Clone(good)
		forged := false
		for e := range slices.Chunk(edits, 4) {
			if len(e) == 4 && len(b) > 0 {
				var forge bool
				b, forge = edit(b, int(binary.LittleEndian.Uint16(e))%len(b), e[2], e[3])
				forged = forged || forge
			}
		}
		c := readAndRepair(t, b)
		if forged {
			return
		}
		for _, table := range c.Tables {
			for _, e := range table.Extents {
				id := binary.LittleEndian.Uint32(b[e.Offset:])
				want := blocksOf(id)
				i := slices.IndexFunc(want, func(x block.Block) bool { return x.Table == table.Name })
				if i < 0 || !bytes.Equal(want[i].Native, b[e.Offset:e.Offset+e.Length]) {
					t.Fatalf("%s has rows nobody appended", table.Name)
				}
			}
		}
	})
}

// edit damages b at off. forged is true when a checksum was made to fit.
func edit(b []byte, off int, way, n byte) (edited []byte, forged bool) {
	end := min(off+int(n), len(b))
	switch way % 6 {
	case 0:
		b[off] ^= n
	case 1:
		clear(b[off:end])
	case 2: // a piece repeated
		b = slices.Insert(b, off, slices.Clone(b[off:end])...)
	case 3: // a piece left out
		b = slices.Delete(b, off, end)
	case 4:
		b = b[:off]
	case 5: // a lie: a changed header with the right checksum
		at := bytes.LastIndex(b[:off], []byte(frameMagic))
		if at < 0 || len(b) < at+frameHeaderSize {
			return b, false
		}
		b[off] = n
		dir := binary.LittleEndian.Uint32(b[at+8:])
		if head := b[at:]; int64(dir) <= int64(len(head)-frameHeaderSize) {
			binary.LittleEndian.PutUint32(head[72:], headChecksum(head[:frameHeaderSize+int(dir)]))
		}
		return b, true
	}
	return b, false
}
