package httpdoor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// Compressions of a body.
const (
	Snappy   = "snappy" // the block format
	Gzip     = "gzip"
	Zstd     = "zstd"
	Identity = ""
)

// bodyTimeout bounds how slowly a body may arrive.
const bodyTimeout = 30 * time.Second

// ErrBody means that the body did not arrive: the client went away or was too slow.
var ErrBody = errors.New("read request body")

// Bodies reads request bodies into buffers it keeps.
type Bodies struct {
	Limits  ingest.Limits
	buffers sync.Pool // *[]byte
	gzips   sync.Pool // *gzip.Reader
	zstds   sync.Pool // *zstd.Decoder
}

// maxPooled keeps a rare huge request from holding its buffer for good.
const maxPooled = 4 << 20

func (b *Bodies) get() []byte {
	if p, ok := b.buffers.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, 64<<10)
}

// Put gives a body's buffer back.
func (b *Bodies) Put(buf []byte) {
	if cap(buf) <= maxPooled {
		b.buffers.Put(&buf)
	}
}

// Read takes the whole body of r. What it will hold is charged to adm first and
// is never over the limits, whatever the compressed bytes promise. The buffer
// goes back with Put.
func (b *Bodies) Read(w http.ResponseWriter, r *http.Request, compression string, adm *ingest.Admission) ([]byte, error) {
	if r.ContentLength > b.Limits.RequestBytes {
		return nil, &ingest.TooLargeError{What: "request body", Unit: "bytes", Limit: b.Limits.RequestBytes, Got: r.ContentLength}
	}
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every writer has one; the server's own then holds
	body, err := b.read(r.Body, compression, adm)
	if err != nil {
		return nil, err
	}
	_ = deadline.SetReadDeadline(time.Time{})
	return body, nil
}

func (b *Bodies) read(r io.Reader, compression string, adm *ingest.Admission) ([]byte, error) {
	wire := limit(r, "request body", b.Limits.RequestBytes)
	switch compression {
	case Identity:
		return b.all(wire, adm)
	case Gzip, Zstd:
		return b.decompressed(wire, compression, adm)
	case Snappy:
		packed, err := b.all(wire, adm)
		if err != nil {
			return nil, err
		}
		defer b.Put(packed)
		return b.unsnap(packed, adm)
	default:
		return nil, &MediaError{Header: "Content-Encoding", Got: compression, Want: "snappy, gzip, zstd or identity"}
	}
}

func (b *Bodies) unsnap(packed []byte, adm *ingest.Admission) ([]byte, error) {
	n, err := snappy.DecodedLen(packed)
	if err != nil {
		return nil, &ingest.MalformedError{Format: "snappy", Offset: -1, Err: err}
	}
	if int64(n) > b.Limits.DecodedBytes {
		return nil, &ingest.TooLargeError{What: decompressedBody, Unit: "bytes", Limit: b.Limits.DecodedBytes, Got: int64(n)}
	}
	if err := adm.Grow(int64(n)); err != nil {
		return nil, err
	}
	buf := b.get()
	plain, err := snappy.Decode(buf[:cap(buf)], packed)
	if err != nil {
		b.Put(buf)
		return nil, &ingest.MalformedError{Format: "snappy", Offset: -1, Err: err}
	}
	return plain, nil
}

const decompressedBody = "decompressed request body"

// decompressed reads a stream that a decompressor reads from wire.
func (b *Bodies) decompressed(wire *limited, compression string, adm *ingest.Admission) ([]byte, error) {
	z, done, err := b.decompressor(wire, compression)
	if err == nil {
		var body []byte
		body, err = b.all(limit(z, decompressedBody, b.Limits.DecodedBytes), adm)
		done()
		if err == nil {
			return body, nil
		}
	}
	var large *ingest.TooLargeError
	var refusal *ingest.Refusal
	switch {
	case wire.err != nil:
		return nil, wire.err // the bytes did not arrive, or too many did
	case errors.As(err, &large), errors.As(err, &refusal):
		return nil, err
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return nil, &ingest.TooLargeError{What: decompressedBody, Unit: "bytes", Limit: b.Limits.DecodedBytes}
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, &ingest.TooLargeError{What: "window of the zstd frame", Unit: "bytes", Limit: zstdWindow}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = errors.New("cut short")
	}
	return nil, &ingest.MalformedError{Format: compression, Offset: -1, Err: err}
}

// decompressor reads from r; done gives it back.
func (b *Bodies) decompressor(r io.Reader, compression string) (z io.Reader, done func(), err error) {
	if compression == Gzip {
		z, ok := b.gzips.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		return z, func() { b.gzips.Put(z) }, z.Reset(r)
	}
	d, ok := b.zstds.Get().(*zstd.Decoder)
	if !ok {
		if d, err = NewZstdReader(b.Limits.DecodedBytes); err != nil {
			return nil, nil, err
		}
	}
	return d, func() { b.zstds.Put(d) }, d.Reset(r)
}

// zstdWindow bounds the memory a zstd frame may ask for: the largest window
// of the standard levels.
const zstdWindow = 8 << 20

// NewZstdReader makes a decoder without goroutines of its own, so that a
// dropped one leaves nothing behind. A frame may ask for the whole window even
// when limit, in bytes, which the reader of the output enforces, is smaller.
func NewZstdReader(limit int64) (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow),
		zstd.WithDecoderMaxMemory(uint64(max(limit, zstdWindow))+1),
	)
}

// all reads r to its end, charging adm as the buffer fills.
func (b *Bodies) all(r io.Reader, adm *ingest.Admission) ([]byte, error) {
	buf := b.get()
	for charged := 0; ; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if e := adm.Grow(int64(len(buf) - charged)); e != nil {
			b.Put(buf)
			return nil, e
		}
		charged = len(buf)
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			b.Put(buf)
			return nil, err
		}
	}
}

// limited reads at most left bytes and then fails with over. It remembers the
// error that ended it, which decompressors wrap or replace.
type limited struct {
	r    io.Reader
	left int64
	over error
	err  error
}

func limit(r io.Reader, what string, bytes int64) *limited {
	return &limited{r: r, left: bytes, over: &ingest.TooLargeError{What: what, Unit: "bytes", Limit: bytes}}
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
		l.err = fmt.Errorf("%w: %w", ErrBody, err)
		return n, l.err
	}
	return n, err
}

// Compression is the request's Content-Encoding; absent when it has none.
func Compression(r *http.Request, absent string) string {
	switch c := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ", "))); c {
	case "":
		return absent
	case "identity":
		return Identity
	default:
		return c
	}
}
