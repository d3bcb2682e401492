package traceexec

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// ParseTraceID reads a trace ID as Tempo's and Jaeger's clients write it:
// hexadecimal digits, of which leading zeros may be left out. Errors are
// *fault.Error.
func ParseTraceID(s string) (id [16]byte, err error) {
	if s == "" || len(s) > 32 {
		return id, fault.Param("traceID", fmt.Errorf("%q is not a trace ID: want up to 32 hexadecimal digits", s))
	}
	raw, err := hex.DecodeString(strings.Repeat("0", 32-len(s)) + s)
	if err != nil {
		return id, fault.Param("traceID", fmt.Errorf("%q is not a trace ID: %w", s, err))
	}
	copy(id[:], raw)
	return id, nil
}
