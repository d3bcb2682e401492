package otlp

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	grpcencoding "google.golang.org/grpc/encoding"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/httpdoor"
)

// registerZstd makes "zstd" known to grpc, unless something in the process
// did already. grpc keeps compressors in a process-wide table.
func registerZstd(limits ingest.Limits) {
	if grpcencoding.GetCompressor("zstd") == nil {
		grpcencoding.RegisterCompressor(&zstdCompressor{limit: limits.DecodedBytes})
	}
}

// zstdCompressor is grpc's view of zstd.
type zstdCompressor struct {
	limit   int64
	readers sync.Pool // *zstd.Decoder
	writers sync.Pool // *zstd.Encoder
}

func (c *zstdCompressor) Name() string { return "zstd" }

func (c *zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	z, ok := c.readers.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if z, err = httpdoor.NewZstdReader(c.limit); err != nil {
			return nil, err
		}
	}
	if err := z.Reset(r); err != nil {
		return nil, err
	}
	return &zstdReader{Decoder: z, pool: &c.readers}, nil
}

// zstdReader gives its decoder back when grpc closes it.
type zstdReader struct {
	*zstd.Decoder
	pool *sync.Pool
}

// Close returns the decoder to the pool; it does not close it.
func (r *zstdReader) Close() error {
	r.pool.Put(r.Decoder)
	r.Decoder = nil
	return nil
}

func (c *zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	z, ok := c.writers.Get().(*zstd.Encoder)
	if !ok {
		var err error
		z, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, err
		}
	}
	z.Reset(w)
	return &zstdWriter{Encoder: z, pool: &c.writers}, nil
}

// zstdWriter gives its encoder back once the frame is written.
type zstdWriter struct {
	*zstd.Encoder
	pool *sync.Pool
}

func (w *zstdWriter) Close() error {
	err := w.Encoder.Close()
	w.pool.Put(w.Encoder)
	return err
}
