package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels for errors.Is. The errors returned wrap one of these and say which path, port or hash was meant.
var (
	ErrDataDirInUse   = errors.New("data directory is in use")
	ErrDiskFull       = errors.New("disk is full")
	ErrPortTaken      = errors.New("port is taken")
	ErrReadyTimeout   = errors.New("engine was not ready in time")
	ErrChildRecursion = errors.New("this process is itself an engine child; call engine.MaybeChild first in main")
	ErrStopForced     = errors.New("engine did not stop in time and was killed")
)

// ChildError tells why the child did not come up, or went away. Words holds the engine's own last output.
type ChildError struct {
	Err   error // what was observed, one of the sentinels where the cause is known
	Words string
}

func (e *ChildError) Error() string {
	if e.Words == "" {
		return fmt.Sprintf("engine: %v", e.Err)
	}
	return fmt.Sprintf("engine: %v; engine said: %s", e.Err, e.Words)
}

func (e *ChildError) Unwrap() error { return e.Err }

// classify finds the cause of a failed start in what the engine said; it returns nil when that names none we know.
func classify(said string) error {
	said = strings.ToLower(said)
	for _, cause := range []struct {
		err     error
		phrases []string
	}{
		{ErrDiskFull, []string{"no space left on device", "not_enough_space", "disk quota exceeded"}},
		{ErrDataDirInUse, []string{"another server instance in same directory is already running", "cannot lock file"}},
		{ErrPortTaken, []string{"address already in use"}},
	} {
		for _, phrase := range cause.phrases {
			if strings.Contains(said, phrase) {
				return cause.err
			}
		}
	}
	return nil
}
