package grideval

import (
	"fmt"
	"runtime/debug"
)

// recovered turns a panic into an error: a mistake of ours, or what a function
// of Prometheus ends with, must cost a query and not the process.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case broken:
		*err = r
	case error:
		*err = broken{fmt.Errorf("unexpected error: %w", r), debug.Stack()}
	default:
		*err = broken{fmt.Errorf("unexpected error: %v", r), debug.Stack()}
	}
}

// broken is a panic and where it was.
type broken struct {
	error
	Stack []byte
}

func (b broken) Unwrap() error { return b.error }
