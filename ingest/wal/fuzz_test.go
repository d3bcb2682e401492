package wal

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/block"
)

// sound is a sealed segment of three appends.
func sound(t testing.TB) []byte {
	m := newFaultFS(1)
	l, err := Open(Config{Dir: "wal", FS: m, SegmentAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint32(3) {
		if err := l.Append(t.Context(), keyOf(id), blocksOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	_, node := m.content(segmentSuffix)
	return node.data
}

// readAndRepair reads b as a segment: what is found must lie in it and have the
// right checksums, and after a repair the file must be sound and hold the same.
func readAndRepair(t *testing.T, b []byte) *contents {
	t.Helper()
	c, err := readContents(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, table := range c.tables {
		var sum int64
		for _, e := range table.extents {
			if int64(e.off)+int64(e.length) > int64(len(b)) || checksum(0, b[e.off:e.off+e.length]) != e.crc {
				t.Fatalf("extent %+v of %d bytes", e, len(b))
			}
			sum += int64(e.length)
		}
		if sum != table.bytes {
			t.Fatalf("%d bytes, counted %d", sum, table.bytes)
		}
		rows[table.table] = table.rows
	}
	name := filepath.Join("wal", segmentName(1))
	m := newFaultFS(1)
	m.names[name] = &inode{data: slices.Clone(b)}
	l, err := Open(Config{Dir: "wal", FS: m, SegmentAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c.frames == 0 || c.header.version > formatVersion || l.Stats().Segments == 0 {
		return c
	}
	repaired := m.names[name].data
	again, err := readContents(bytes.NewReader(repaired), int64(len(repaired)))
	if err != nil || len(again.holes) > 0 || again.end != again.size || again.seal == nil || again.frames != c.frames {
		t.Fatalf("after repair: %+v, %v; before: %+v", again, err, c)
	}
	for _, table := range again.tables {
		if rows[table.table] != table.rows {
			t.Fatalf("%s: %d rows, were %d", table.table, table.rows, rows[table.table])
		}
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
		for _, table := range c.tables {
			for _, e := range table.extents {
				id := binary.LittleEndian.Uint32(b[e.off:])
				i := slices.IndexFunc(blocksOf(id), func(x block.Block) bool { return x.Table == table.table })
				if i < 0 || !bytes.Equal(blocksOf(id)[i].Native, b[e.off:e.off+e.length]) {
					t.Fatalf("%s has rows nobody appended", table.table)
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
