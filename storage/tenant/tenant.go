// Package tenant names the owner of a piece of data and carries it through a
// request.
//
// It belongs here: what a tenant name may look like, the header that brings
// it, and its place in a context. Authentication (who may act for which
// tenant) belongs to the edge; filtering by tenant belongs to the stores,
// which take an ID as a parameter and never read the context themselves.
package tenant

import (
	"context"
	"errors"
	"fmt"
)

// ID is a tenant's name: 1 to 150 bytes of ASCII letters, digits and any of
// _ . ! * ' ( ) - but not "." or "..", the rule Loki, Mimir and Tempo have.
type ID string

const (
	// Header carries the tenant in HTTP; gRPC metadata uses its lower case.
	Header = "X-Scope-OrgID"
	// Default is the tenant of a request that names none.
	Default ID = "default"

	maxLength = 150
)

// ErrTooLong and ErrUnsafe are what Parse wraps.
var (
	ErrTooLong = errors.New("tenant: longer than 150 bytes")
	ErrUnsafe  = errors.New("tenant: unsupported character or name")
)

// Parse checks a header value. The empty string is the default tenant.
func Parse(s string) (ID, error) {
	if s == "" {
		return Default, nil
	}
	if len(s) > maxLength {
		return "", fmt.Errorf("%w (%d)", ErrTooLong, len(s))
	}
	if s == "." || s == ".." {
		return "", fmt.Errorf("%w: %q", ErrUnsafe, s)
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return "", fmt.Errorf("%w: %q at byte %d", ErrUnsafe, s[i], i+1)
		}
	}
	return ID(s), nil
}

// FromValues reads the values of the header, of which there may be one. All
// doors and all APIs read it with this.
func FromValues(values []string) (ID, error) {
	switch len(values) {
	case 0:
		return Default, nil
	case 1:
		return Parse(values[0])
	default:
		return "", fmt.Errorf("tenant: given %d times", len(values))
	}
}

func allowed(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '_', '.', '!', '*', '\'', '(', ')', '-':
		return true
	}
	return false
}

type contextKey struct{}

// NewContext returns ctx with the tenant in it.
func NewContext(ctx context.Context, id ID) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext is the tenant of a request, Default when none was put there.
func FromContext(ctx context.Context) ID {
	if id, ok := ctx.Value(contextKey{}).(ID); ok {
		return id
	}
	return Default
}
