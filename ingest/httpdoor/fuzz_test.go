package httpdoor

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// FuzzBody reads compressed bodies: what comes out is what went in, or an error
// of a known kind, and never more than the limit.
func FuzzBody(f *testing.F) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	pack := func(compression string, plain []byte) []byte {
		switch compression {
		case Snappy:
			return snappy.Encode(nil, plain)
		case Gzip:
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			_, _ = w.Write(plain)
			_ = w.Close()
			return out.Bytes()
		case Zstd:
			return z.EncodeAll(plain, nil)
		default:
			return plain
		}
	}
	compressions := []string{Identity, Gzip, Snappy, Zstd}
	for i, c := range compressions {
		f.Add(uint(i), pack(c, []byte("some bytes, some bytes, some bytes")))
		f.Add(uint(i), pack(c, make([]byte, 100<<10)))
	}
	f.Add(uint(2), []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}) // says that it is 4 GiB
	p := ingest.New(ingest.Config{
		Sink:   func(context.Context, []block.Block) error { return nil },
		Limits: ingest.Limits{RequestBytes: 32 << 10, DecodedBytes: 64 << 10},
	})
	b := &Bodies{Limits: p.Limits()}
	f.Fuzz(func(t *testing.T, which uint, body []byte) {
		compression := compressions[which%4]
		adm := p.Admit()
		defer adm.Release()
		var malformed *ingest.MalformedError
		var large *ingest.TooLargeError
		plain, err := b.read(bytes.NewReader(body), compression, adm)
		if err != nil {
			if !errors.As(err, &malformed) && !errors.As(err, &large) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if int64(len(plain)) > b.Limits.DecodedBytes {
			t.Fatalf("%d bytes", len(plain))
		}
		again, err := b.read(bytes.NewReader(pack(compression, plain)), compression, adm)
		if err != nil && !errors.As(err, &large) || err == nil && !bytes.Equal(plain, again) {
			t.Fatalf("not the same again: %v", err)
		}
	})
}
