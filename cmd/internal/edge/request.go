package edge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
)

// RequestHeader carries the request ID in HTTP; gRPC metadata uses its lower
// case.
const RequestHeader = "X-Request-Id"

type requestKey struct{}

// RequestID is the ID of the request a context belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// LogAttrs gives a log handler what the edge knows of a request.
func LogAttrs(ctx context.Context) []slog.Attr {
	if id := RequestID(ctx); id != "" {
		return []slog.Attr{slog.String("request_id", id)}
	}
	return nil
}

// withRequestID keeps the caller's ID when it is harmless, and makes one
// otherwise.
func withRequestID(ctx context.Context, given string) (context.Context, string) {
	if !harmless(given) {
		var raw [8]byte
		rand.Read(raw[:]) // never fails
		given = hex.EncodeToString(raw[:])
	}
	return context.WithValue(ctx, requestKey{}, given), given
}

// harmless IDs are short and printable: they are echoed and logged.
func harmless(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
