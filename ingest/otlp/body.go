package otlp

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// zstdWindow bounds the memory a zstd frame may ask for: the largest window
// of the standard levels.
const zstdWindow = 8 << 20

// bodies reads request bodies, decompressed, into buffers it keeps.
type bodies struct {
	limits  ingest.Limits
	buffers sync.Pool // *[]byte
	gzips   sync.Pool // *gzip.Reader
	zstds   sync.Pool // *zstd.Decoder
}

// maxPooled keeps a rare huge request from holding its buffer for good.
const maxPooled = 4 << 20

func (b *bodies) put(buf []byte) {
	if cap(buf) <= maxPooled {
		b.buffers.Put(&buf)
	}
}

func (b *bodies) get() []byte {
	if p, ok := b.buffers.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, 64<<10)
}

// read takes the whole body out of r. What it has read is charged to adm
// before it is kept, and never goes over the limits, whatever the compressed
// bytes promise. The buffer goes back with put.
func (b *bodies) read(r io.Reader, encoding string, adm *ingest.Admission) ([]byte, error) {
	wire := &limited{left: b.limits.RequestBytes, r: r, over: overBytes("request body", b.limits.RequestBytes)}
	plain := &limited{left: b.limits.DecodedBytes, over: overBytes("decompressed request body", b.limits.DecodedBytes)}
	decompressor, done, err := b.decompressor(wire, encoding)
	if err != nil {
		return nil, bodyError(wire, plain, encoding, err)
	}
	plain.r = decompressor
	buf, err := readAll(b.get(), plain, adm)
	done()
	if err != nil {
		b.put(buf)
		return nil, bodyError(wire, plain, encoding, err)
	}
	return buf, nil
}

// decompressor wraps r; done gives the decompressor back.
func (b *bodies) decompressor(r io.Reader, encoding string) (plain io.Reader, done func(), err error) {
	switch encoding {
	case "gzip":
		z, ok := b.gzips.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		if err := z.Reset(r); err != nil {
			return nil, nil, err
		}
		return z, func() { b.gzips.Put(z) }, nil
	case "zstd":
		z, ok := b.zstds.Get().(*zstd.Decoder)
		if !ok {
			z, err = newZstdReader(b.limits.DecodedBytes)
			if err != nil {
				return nil, nil, err
			}
		}
		if err := z.Reset(r); err != nil {
			return nil, nil, err
		}
		return z, func() { b.zstds.Put(z) }, nil
	default:
		return r, func() {}, nil
	}
}

// newZstdReader makes a decoder without goroutines of its own, so that a
// dropped one leaves nothing behind. A frame may ask for the whole window even
// when limit, which the reader of the output enforces, is smaller.
func newZstdReader(limit int64) (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow),
		zstd.WithDecoderMaxMemory(uint64(max(limit, zstdWindow))+1),
	)
}

func overBytes(what string, limit int64) error {
	return &ingest.TooLargeError{What: what, Unit: "bytes", Limit: limit}
}

// bodyError tells a broken compressed stream from a limit that was hit and
// from a connection that broke.
func bodyError(wire, plain *limited, encoding string, err error) error {
	var large *ingest.TooLargeError
	var refusal *ingest.Refusal
	switch {
	case wire.err != nil:
		return wire.err // the bytes did not arrive, or too many did
	case errors.As(err, &large), errors.As(err, &refusal), encoding == "":
		return err
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return plain.over
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return &ingest.TooLargeError{What: "window of the zstd frame", Unit: "bytes", Limit: zstdWindow}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = errors.New("cut short")
	}
	return &ingest.MalformedError{Format: encoding, Offset: -1, Err: err}
}

// limited reads at most left bytes and then fails with over. It remembers
// the error that ended it, which decompressors wrap or replace.
type limited struct {
	r    io.Reader
	left int64
	over error
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		l.err = l.over
		return int(l.left), l.err
	}
	l.left -= int64(n)
	if err != nil && err != io.EOF {
		l.err = fmt.Errorf("%w: %w", errBody, err)
		return n, l.err
	}
	return n, err
}

// readAll appends r to buf, charging adm as buf fills.
func readAll(buf []byte, r io.Reader, adm *ingest.Admission) ([]byte, error) {
	for charged := 0; ; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err := adm.Grow(int64(len(buf) - charged)); err != nil {
			return buf, err
		}
		charged = len(buf)
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// errBody means that the body did not arrive: the client went away or was too slow.
var errBody = errors.New("read request body")
