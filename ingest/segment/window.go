package segment

import (
	"io"
)

// window reads a file forward through one buffer.
type window struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	off  int64 // of buf[0]
}

const windowSize = 256 << 10

// bytes returns n bytes at off, valid until the next call; fewer, without an
// error, where the file ends.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(w.size-off, 0)))
	if off >= w.off && off+int64(n) <= w.off+int64(len(w.buf)) {
		return w.buf[off-w.off:][:n], nil
	}
	want := int(min(int64(max(n, windowSize)), w.size-off))
	if n == 0 {
		return nil, nil
	}
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	w.buf = w.buf[:want]
	got, err := w.r.ReadAt(w.buf, off)
	w.buf, w.off = w.buf[:got], off
	if got >= n {
		return w.buf[:n], nil
	}
	if err == nil || err == io.EOF { // the file was cut meanwhile
		return w.buf, nil
	}
	return nil, err
}

// sum is the checksum of n bytes at off; ok is false where the file ends
// before.
func (w *window) sum(off, n int64) (crc uint32, ok bool, err error) {
	for n > 0 {
		b, err := w.bytes(off, int(min(n, windowSize)))
		if err != nil || len(b) == 0 {
			return 0, false, err
		}
		crc = checksum(crc, b)
		off, n = off+int64(len(b)), n-int64(len(b))
	}
	return crc, true, nil
}
