package httpdoor

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/snappy"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// Compressions of a body.
const (
	Snappy   = "snappy" // the block format
	Gzip     = "gzip"
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
	wire := &limited{r: r.Body, left: b.Limits.RequestBytes,
		over: &ingest.TooLargeError{What: "request body", Unit: "bytes", Limit: b.Limits.RequestBytes}}
	body, err := b.read(wire, compression, adm)
	if err != nil {
		return nil, err
	}
	_ = deadline.SetReadDeadline(time.Time{})
	return body, nil
}

func (b *Bodies) read(wire *limited, compression string, adm *ingest.Admission) ([]byte, error) {
	switch compression {
	case Identity:
		return b.all(wire, adm)
	case Gzip:
		return b.gunzip(wire, adm)
	case Snappy:
		packed, err := b.all(wire, adm)
		if err != nil {
			return nil, err
		}
		defer b.Put(packed)
		return b.unsnap(packed, adm)
	default:
		return nil, &MediaError{Header: "Content-Encoding", Got: compression, Want: "snappy, gzip or identity"}
	}
}

func (b *Bodies) unsnap(packed []byte, adm *ingest.Admission) ([]byte, error) {
	n, err := snappy.DecodedLen(packed)
	if err != nil {
		return nil, &ingest.MalformedError{Format: "snappy", Offset: -1, Err: err}
	}
	if int64(n) > b.Limits.DecodedBytes {
		return nil, &ingest.TooLargeError{What: "decompressed request body", Unit: "bytes", Limit: b.Limits.DecodedBytes, Got: int64(n)}
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

func (b *Bodies) gunzip(wire *limited, adm *ingest.Admission) ([]byte, error) {
	z, err := gzip.NewReader(wire)
	if err == nil {
		var body []byte
		body, err = b.all(&limited{r: z, left: b.Limits.DecodedBytes,
			over: &ingest.TooLargeError{What: "decompressed request body", Unit: "bytes", Limit: b.Limits.DecodedBytes}}, adm)
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
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = errors.New("cut short")
	}
	return nil, &ingest.MalformedError{Format: "gzip", Offset: -1, Err: err}
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
