package wal

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// extent is one part of a table in a segment.
type extent struct {
	off, length, rows, crc uint32
}

// tableIndex is where a table's payload is in a segment.
type tableIndex struct {
	table   string
	rows    int
	bytes   int64
	extents []extent
}

// contents is what a scan found in a segment.
type contents struct {
	header  fileHeader
	tables  []*tableIndex // in order of first appearance
	frames  int           // data frames
	lost    int           // data frames that were in holes repaired before
	keys    []Key         // of data and keys frames, oldest first
	oldest  int64         // time of the first data frame, unix ns
	seal    *frame
	done    []mark
	holes   []hole // before end, smallest first
	end     int64  // behind the last good frame; what follows is torn
	size    int64  // of the file
	highest int64  // synced of the last frame that had it highest
}

// hole is a stretch of a segment that holds no good frame.
type hole struct {
	from, to int64
	why      string
}

// damage says whether the hole was on disk when later frames were written, so
// that acked appends may have been in it.
func (c *contents) damage(h hole) bool { return h.from < c.highest }

// readContents scans a whole segment and checks every body. It returns an
// error only when the file cannot be read.
func readContents(r io.ReaderAt, size int64) (*contents, error) {
	if size > math.MaxUint32 {
		return nil, fmt.Errorf("%d bytes are more than a segment has", size)
	}
	s, err := newScanner(r, size, true)
	if err != nil {
		return nil, err
	}
	c := &contents{size: size, end: s.off}
	var pending []hole // holes nothing good followed yet
	for {
		st, err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if st.hole {
			if n := len(pending); n > 0 { // holes touch: one piece
				pending[n-1].to = st.to
			} else {
				pending = append(pending, hole{st.from, st.to, st.why})
			}
			continue
		}
		if c.seal != nil && st.frame.kind != kindDone && st.frame.kind != kindVoid {
			break // remains of a write that failed; the seal is the end
		}
		c.holes, pending = append(c.holes, pending...), nil
		c.end = st.to
		if err := c.add(&st.frame, &s.win); err != nil {
			return nil, err
		}
	}
	c.header = s.header
	if c.header.created == 0 {
		c.header.created = c.oldest
	}
	return c, nil
}

func (c *contents) add(f *frame, w *window) error {
	c.highest = max(c.highest, f.synced)
	switch f.kind {
	case kindData:
		return c.addData(f, w)
	case kindKeys:
		return c.addKeys(w, f.bodyOffset(), f.body)
	case kindVoid:
		c.lost += f.count()
	case kindSeal:
		c.seal = f
	case kindDone:
		for _, p := range f.parts {
			c.done = append(c.done, mark{p.Table, f.key})
		}
	}
	return nil
}

func (c *contents) addKeys(w *window, off, size int64) error {
	b, err := w.bytes(off, int(size))
	if err != nil {
		return err
	}
	for k := range slices.Chunk(b, len(Key{})) {
		if len(k) == len(Key{}) {
			c.keys = append(c.keys, Key(k))
		}
	}
	return nil
}

func (c *contents) addData(f *frame, w *window) error {
	c.frames++
	if c.oldest == 0 {
		c.oldest = f.time
	}
	if f.key != (Key{}) {
		c.keys = append(c.keys, f.key)
	}
	off := f.bodyOffset()
	for i := range f.parts {
		p := &f.parts[i]
		if p.Table == keysPart {
			if err := c.addKeys(w, off, int64(p.Length)); err != nil {
				return err
			}
			off += int64(p.Length)
			continue
		}
		t := c.table(p.Table)
		t.rows += int(p.Rows)
		t.bytes += int64(p.Length)
		t.extents = append(t.extents, extent{off: uint32(off), length: p.Length, rows: p.Rows, crc: p.CRC})
		off += int64(p.Length)
	}
	return nil
}

// table finds or makes the index of a table. A segment has a dozen tables.
func (c *contents) table(name string) *tableIndex {
	for _, t := range c.tables {
		if t.table == name {
			return t
		}
	}
	t := &tableIndex{table: name}
	c.tables = append(c.tables, t)
	return t
}

// missing is how many of the appends the seal vouches for are not there.
func (c *contents) missing() int {
	if c.seal == nil {
		return 0
	}
	return max(0, c.seal.count()-c.frames-c.lost)
}

// sealFrame is the seal that fits the contents, at offset off.
func (c *contents) sealFrame(off int64) frame {
	return sealOf(c.header.id, c.tables, off, off)
}

func sealOf(id ID, tables []*tableIndex, off, synced int64) frame {
	f := frame{offset: off, synced: synced, id: id}
	for _, t := range tables {
		f.parts = append(f.parts, part{Table: t.table, Rows: uint32(t.rows), Length: uint32(t.bytes)})
	}
	return f
}
