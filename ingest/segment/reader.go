package segment

import (
	"fmt"
	"io"
	"time"
)

// reader reads extents one after the other. Small ones come through a window,
// large ones straight from the file.
type reader struct {
	win     window
	extents []Extent
	at      uint32 // read of extents[0]
}

// NewReader streams extents of a segment, in the order of the file. It holds
// little memory.
func NewReader(f io.ReaderAt, extents []Extent) io.Reader {
	r := &reader{win: window{r: f}, extents: extents}
	if n := len(extents); n > 0 {
		r.win.size = int64(extents[n-1].Offset) + int64(extents[n-1].Length)
	}
	return r
}

func (r *reader) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.extents) > 0 {
		e := &r.extents[0]
		b, err := r.win.bytes(int64(e.Offset)+int64(r.at), int(min(e.Length-r.at, uint32(min(len(p)-n, windowSize)))))
		if err != nil {
			return n, fmt.Errorf("wal: read: %w", err)
		}
		if len(b) == 0 {
			return n, fmt.Errorf("wal: read: %w", io.ErrUnexpectedEOF)
		}
		n += copy(p[n:], b)
		if r.at += uint32(len(b)); r.at == e.Length {
			r.extents, r.at = r.extents[1:], 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Excerpt writes the extents of t, which are in f, as a sealed segment of its
// own.
func Excerpt(w io.Writer, f io.ReaderAt, t *Table, id ID, now time.Time) error {
	if _, err := w.Write((&Header{Version: Version, ID: id, Created: now.UnixNano()}).append(nil)); err != nil {
		return err
	}
	off := int64(fileHeaderSize)
	for i := range t.Extents {
		e := &t.Extents[i]
		frame := frame{
			kind: kindData, offset: off, id: id, body: int64(e.Length), time: now.UnixNano(),
			parts: []part{{Table: t.Name, Rows: e.Rows, Length: e.Length, CRC: e.crc}},
		}
		if _, err := w.Write(frame.appendHead(nil)); err != nil {
			return err
		}
		if _, err := io.Copy(w, NewReader(f, t.Extents[i:i+1])); err != nil {
			return err
		}
		off = frame.end()
	}
	_, err := w.Write(appendSeal(nil, sealOf(id, []*Table{t}, off, off), len(t.Extents)))
	return err
}
