package otlpwire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// maxDepth bounds nested messages, as protobuf implementations do.
const maxDepth = 100

// size is what a walk over a request counts.
type size struct {
	records int // log records, spans or data points
	objects int // messages of any kind
}

// check walks the protobuf request in b, an m, without decoding it, and says
// where and in which field a malformed request is broken. The readers, which
// only find out that it is, ask it to explain; it takes what they take.
func check(b []byte, m *message) (size, error) {
	w := wire{buf: b}
	err := w.message(m, 0, len(b), 0)
	return w.size, err
}

// Complete tells whether b is whole fields, so that it means the same with others
// before and behind it. What is in the fields is not looked at.
func Complete(b []byte) bool {
	for i := 0; i < len(b); {
		if _, _, i = next(b, i); i < 0 {
			return false
		}
	}
	return true
}

func malformed(at int, path string, err error) error {
	return &ingest.MalformedError{Format: "protobuf", Offset: at, Path: path, Err: err}
}

type wire struct {
	buf  []byte
	size size
}

// message checks buf[pos:end] as m.
func (w *wire) message(m *message, pos, end, depth int) error {
	w.size.objects++
	if depth > maxDepth {
		return malformed(pos, "", fmt.Errorf("messages nested deeper than %d", maxDepth))
	}
	last, repeat := -1, 0
	for pos < end {
		at := pos
		tag, next, err := w.varint(pos, end)
		if err != nil {
			return malformed(at, "", err)
		}
		number := int(tag >> 3)
		if number == 0 || tag>>3 > 1<<29-1 {
			return malformed(at, "", fmt.Errorf("field number %d is out of range", tag>>3))
		}
		if number == last {
			repeat++
		} else {
			last, repeat = number, 0
		}
		f := m.field(number)
		if pos, err = w.field(&f, byte(tag&7), next, end, depth); err != nil {
			return within(err, f, number, repeat, at)
		}
	}
	return nil
}

// within adds the field to the path of an error that happened inside it.
func within(err error, f field, number, repeat, at int) error {
	name := f.name
	if f.kind == unknown {
		name = fmt.Sprintf("field %d", number)
	}
	if repeat > 0 || f.kind == nested {
		name = fmt.Sprintf("%s[%d]", name, repeat)
	}
	var deeper *ingest.MalformedError
	if errors.As(err, &deeper) {
		if deeper.Path != "" {
			name += "." + deeper.Path
		}
		return malformed(deeper.Offset, name, deeper.Err)
	}
	return malformed(at, name, err)
}

// field checks the value of f, whose tag ended at pos, and says where the
// next tag starts.
func (w *wire) field(f *field, wireType byte, pos, end, depth int) (int, error) {
	if !f.accepts(wireType) {
		return 0, fmt.Errorf("wire type %d does not fit", wireType)
	}
	switch wireType {
	case wireVarint:
		_, next, err := w.varint(pos, end)
		return next, err
	case wireFixed64:
		return skip(pos, 8, end)
	case wireFixed32:
		return skip(pos, 4, end)
	case wireLen:
		n, start, err := w.varint(pos, end)
		if err != nil {
			return 0, err
		}
		if n > uint64(end-start) {
			return 0, fmt.Errorf("length %d, but %d bytes are left", n, end-start)
		}
		next := start + int(n)
		return next, w.content(f, start, next, depth)
	default:
		return 0, fmt.Errorf("wire type %d is not used by OTLP", wireType)
	}
}

func (f *field) accepts(wireType byte) bool {
	switch f.kind {
	case varint:
		return wireType == wireVarint
	case fixed32:
		return wireType == wireFixed32
	case fixed64:
		return wireType == wireFixed64
	case text, id, nested:
		return wireType == wireLen
	case packed8:
		return wireType == wireFixed64 || wireType == wireLen
	case packedV:
		return wireType == wireVarint || wireType == wireLen
	default:
		return true
	}
}

// content checks the inside of a length-delimited field.
func (w *wire) content(f *field, pos, end, depth int) error {
	switch f.kind {
	case nested:
		if f.record {
			w.size.records++
		}
		return w.message(f.msg, pos, end, depth+1)
	case id:
		if n := end - pos; n != 0 && n != f.size {
			return fmt.Errorf("%d bytes, want %d", n, f.size)
		}
	case packed8:
		if (end-pos)%8 != 0 {
			return fmt.Errorf("%d bytes are not a whole number of 8-byte values", end-pos)
		}
	case packedV:
		w.size.objects += (end - pos) / 8 // each byte can become a word
		for pos < end {
			var err error
			if _, pos, err = w.varint(pos, end); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *wire) varint(pos, end int) (uint64, int, error) {
	if pos < end && w.buf[pos] < 0x80 {
		return uint64(w.buf[pos]), pos + 1, nil
	}
	v, n := binary.Uvarint(w.buf[pos:end])
	switch {
	case n > 0:
		return v, pos + n, nil
	case n == 0:
		return 0, 0, errors.New("varint is cut short")
	default:
		return 0, 0, errors.New("varint is longer than 64 bits")
	}
}

func skip(pos, n, end int) (int, error) {
	if end-pos < n {
		return 0, fmt.Errorf("%d bytes wanted, %d are left", n, end-pos)
	}
	return pos + n, nil
}
