package segment

import (
	"bytes"
	"io"
)

// scanner walks over the frames of a segment and over the holes between them.
type scanner struct {
	win    window
	off    int64
	size   int64
	header Header
	known  bool // header.id is what frames must carry
	bodies bool // check the bodies of data and keys frames too
}

// stretch is a piece of a segment: a good frame, or a hole.
type stretch struct {
	hole     bool
	from, to int64
	why      string // of a hole
	frame    frame  // of a frame
}

func newScanner(r io.ReaderAt, size int64, bodies bool) (*scanner, error) {
	s := &scanner{win: window{r: r, size: size}, size: size, bodies: bodies}
	b, err := s.win.bytes(0, fileHeaderSize)
	if err != nil {
		return nil, err
	}
	if h, ok := parseFileHeader(b); ok {
		s.header, s.known, s.off = h, true, fileHeaderSize
	}
	return s, nil
}

// next is the next stretch; io.EOF after the last. Other errors are those of
// reading the file.
func (s *scanner) next() (stretch, error) {
	if s.off >= s.size {
		return stretch{}, io.EOF
	}
	from := s.off
	f, ok, err := s.frameAt(from)
	switch {
	case err != nil:
		return stretch{}, err
	case !ok:
		if s.off, err = s.resync(from + 1); err != nil {
			return stretch{}, err
		}
		return stretch{hole: true, from: from, to: s.off, why: "no frame where one should begin"}, nil
	}
	if !s.known { // the file's own header is damaged; frames know whose they are
		s.header.ID, s.header.Created, s.known = f.id, f.time, true
	}
	s.off = f.end()
	if s.bodies {
		good, err := s.bodyIsGood(&f)
		if err != nil {
			return stretch{}, err
		}
		if !good {
			return stretch{hole: true, from: from, to: s.off, why: "the checksum of the frame's body is wrong"}, nil
		}
	}
	return stretch{from: from, to: s.off, frame: f}, nil
}

// frameAt reads the header of the frame that begins at off, if one does.
func (s *scanner) frameAt(off int64) (f frame, ok bool, err error) {
	b, err := s.win.bytes(off, frameHeaderSize)
	if err != nil {
		return f, false, err
	}
	f, parts, ok := parseHead(b)
	if !ok || f.offset != off || s.known && f.id != s.header.ID || f.end() > s.size {
		return f, false, nil
	}
	if b, err = s.win.bytes(off, frameHeaderSize+f.dir); err != nil || len(b) < frameHeaderSize+f.dir {
		return f, false, err
	}
	return f, f.parseDirectory(b, parts), nil
}

// resync finds where the next frame begins, at off or after; the end of the
// file when none does.
func (s *scanner) resync(off int64) (int64, error) {
	for off < s.size {
		b, err := s.win.bytes(off, windowSize)
		if err != nil {
			return 0, err
		}
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			if len(b) < len(frameMagic) {
				break
			}
			off += int64(len(b) - len(frameMagic) + 1)
			continue
		}
		off += int64(i)
		if _, ok, err := s.frameAt(off); err != nil || ok {
			return off, err
		}
		off++
	}
	return s.size, nil
}

func (s *scanner) bodyIsGood(f *frame) (bool, error) {
	if f.kind != kindData && f.kind != kindKeys {
		return true, nil
	}
	off := f.bodyOffset()
	for i := range f.parts {
		p := &f.parts[i]
		crc, ok, err := s.win.sum(off, int64(p.Length))
		if err != nil || !ok || crc != p.CRC {
			return false, err
		}
		off += int64(p.Length)
	}
	return true, nil
}
