package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// RequestKey is the identity of a request: what the tenant sent as the signal,
// byte for byte. The log stores a request that comes again under the same key
// once, so a client may repeat one whose answer it never saw, as every exporter
// does after a broken connection. The price: two requests that are equal to the
// last byte, timestamps included, count as one while the log remembers the
// first (wal.Config.Keys).
func RequestKey(t tenant.ID, s Signal, body []byte) segment.Key {
	h := sha256.New()
	for _, part := range []string{string(t), string(s)} {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	h.Write(body)
	return segment.Key(h.Sum(nil)[:len(segment.Key{})])
}

// WithRequestKey returns ctx with a request's identity in it, for LogSink.
func WithRequestKey(ctx context.Context, key segment.Key) context.Context {
	return WithRequestKeys(ctx, []segment.Key{key})
}

// WithRequestKeys is WithRequestKey of several requests that became one, of which
// none may be known: the answer is wal.ErrRepeated otherwise.
func WithRequestKeys(ctx context.Context, keys []segment.Key) context.Context {
	return context.WithValue(ctx, requestKey{}, keys)
}

type requestKey struct{}

// keysOf is the request's identity, none when nobody said.
func keysOf(ctx context.Context) []segment.Key {
	keys, _ := ctx.Value(requestKey{}).([]segment.Key)
	return keys
}
