package segment

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Extent is one part of a table in a segment.
type Extent struct{ Offset, Length, Rows, crc uint32 }

// Table is what a segment has of a table.
type Table struct {
	Name    string
	Rows    int
	Bytes   int64
	Extents []Extent // where its payload is; none in what Tail read
}

// Mark says that a table is stored, and since which boot; what a boot is, is
// the log's to say.
type Mark struct {
	Table string
	Boot  Key
}

// Hole is a stretch of a segment that holds no good frame.
type Hole struct {
	From, To int64
	Why      string
	// Damage says that the hole was on disk when later frames were written, so
	// that acked appends may have been in it.
	Damage bool
}

// Contents is what is in a segment.
type Contents struct {
	Header Header
	Tables []*Table // in order of first appearance
	Frames int      // entries
	Keys   []Key    // of entries and carried ones, oldest first; none in what Tail read
	Oldest int64    // time of the first entry, unix ns; 0 in what Tail read
	Done   []Mark
	Holes  []Hole // before End, smallest first
	End    int64  // behind the last good frame; what follows is torn
	Size   int64  // of the file

	lost    int   // data frames that were in holes repaired before
	seal    int64 // where it is; 0: there is none
	sealed  int   // data frames the seal vouches for
	highest int64 // synced of the last frame that had it highest
}

// Sealed tells whether the segment has a seal.
func (c *Contents) Sealed() bool { return c.seal > 0 }

// Read scans a whole segment and checks every body. It returns an error only
// when the file cannot be read.
func Read(r io.ReaderAt, size int64) (*Contents, error) {
	if size > math.MaxUint32 {
		return nil, fmt.Errorf("%d bytes are more than a segment has", size)
	}
	s, err := newScanner(r, size, true)
	if err != nil {
		return nil, err
	}
	c := &Contents{Size: size, End: s.off}
	var pending []Hole // holes nothing good followed yet
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
				pending[n-1].To = st.to
			} else {
				pending = append(pending, Hole{From: st.from, To: st.to, Why: st.why})
			}
			continue
		}
		if c.Sealed() && st.frame.kind != kindDone && st.frame.kind != kindVoid {
			break // remains of a write that failed; the seal is the end
		}
		c.Holes, pending = append(c.Holes, pending...), nil
		c.End = st.to
		if err := c.add(&st.frame, &s.win); err != nil {
			return nil, err
		}
	}
	c.Header = s.header
	if c.Header.Created == 0 {
		c.Header.Created = c.Oldest
	}
	for i := range c.Holes {
		c.Holes[i].Damage = c.Holes[i].From < c.highest
	}
	return c, nil
}

func (c *Contents) add(f *frame, w *window) error {
	c.highest = max(c.highest, f.synced)
	switch f.kind {
	case kindData:
		return c.addData(f, w)
	case kindKeys:
		return c.addKeys(w, f.bodyOffset(), f.body)
	case kindVoid:
		c.lost += f.count()
	case kindSeal:
		c.seal, c.sealed = f.offset, f.count()
	case kindDone:
		c.addMarks(f)
	}
	return nil
}

func (c *Contents) addMarks(f *frame) {
	for _, p := range f.parts {
		c.Done = append(c.Done, Mark{p.Table, f.key})
	}
}

func (c *Contents) addKeys(w *window, off, size int64) error {
	b, err := w.bytes(off, int(size))
	if err != nil {
		return err
	}
	for k := range slices.Chunk(b, len(Key{})) {
		if len(k) == len(Key{}) {
			c.Keys = append(c.Keys, Key(k))
		}
	}
	return nil
}

func (c *Contents) addData(f *frame, w *window) error {
	c.Frames++
	if c.Oldest == 0 {
		c.Oldest = f.time
	}
	if f.key != (Key{}) {
		c.Keys = append(c.Keys, f.key)
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
		t := tableOf(&c.Tables, p.Table)
		t.Rows += int(p.Rows)
		t.Bytes += int64(p.Length)
		t.Extents = append(t.Extents, Extent{Offset: uint32(off), Length: p.Length, Rows: p.Rows, crc: p.CRC})
		off += int64(p.Length)
	}
	return nil
}

// tableOf finds or makes a table. A segment has a dozen.
func tableOf(tables *[]*Table, name string) *Table {
	for _, t := range *tables {
		if t.Name == name {
			return t
		}
	}
	t := &Table{Name: name}
	*tables = append(*tables, t)
	return t
}

// Missing is how many of the appends the seal vouches for are not there.
func (c *Contents) Missing() int {
	if !c.Sealed() {
		return 0
	}
	return max(0, c.sealed-c.Frames-c.lost)
}

// sealOf is the seal of tables at offset off.
func sealOf(id ID, tables []*Table, off, synced int64) frame {
	f := frame{offset: off, synced: synced, id: id}
	for _, t := range tables {
		f.parts = append(f.parts, part{Table: t.Name, Rows: uint32(t.Rows), Length: uint32(t.Bytes)})
	}
	return f
}

// Tail reads what a segment says about itself at its end: the seal and the
// marks, without the data. ok is false when it does not end as a sealed one does.
func Tail(r io.ReaderAt, size int64) (c *Contents, ok bool, err error) {
	s, err := newScanner(r, size, false)
	if err != nil || !s.known || size < fileHeaderSize+frameHeaderSize+trailerSize {
		return nil, false, err
	}
	b, err := s.win.bytes(size-trailerSize, trailerSize)
	if err != nil || len(b) < trailerSize || string(b[4:]) != trailerMagic {
		return nil, false, err
	}
	s.off = size - int64(binary.LittleEndian.Uint32(b))
	if s.off < fileHeaderSize {
		return nil, false, nil
	}
	c = &Contents{Header: s.header, Size: size, End: size}
	for {
		st, err := s.next()
		switch {
		case err == io.EOF:
			return c, c.Sealed(), nil
		case err != nil:
			return nil, false, err
		case st.hole, c.Sealed() == (st.frame.kind == kindSeal), c.Sealed() && st.frame.kind != kindDone:
			return nil, false, nil
		case !c.Sealed():
			c.seal, c.sealed, c.Frames = st.frame.offset, st.frame.count(), st.frame.count()
			for _, p := range st.frame.parts {
				c.Tables = append(c.Tables, &Table{Name: p.Table, Rows: int(p.Rows), Bytes: int64(p.Length)})
			}
		default:
			c.addMarks(&st.frame)
		}
	}
}
