package wal

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrClosed answers calls after Close.
var ErrClosed = errors.New("wal: closed")

// ErrRepeated answers requests that were to be appended together and of which the
// log has one already.
var ErrRepeated = errors.New("wal: one of the requests is known")

// FullError refuses an append because there is no room: the budget is used
// up, too much waits for the disk, or the disk itself is full. Nothing of the
// append is kept; it may be sent again when room is back.
type FullError struct {
	Used, Budget int64 // bytes
	// Err is the disk's word (ENOSPC, EDQUOT), nil when our own budget is used
	// up.
	Err error
}

func (e *FullError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("wal: the disk is full: %v", e.Err)
	}
	return fmt.Sprintf("wal: full: %d of %d bytes used", e.Used, e.Budget)
}

func (e *FullError) Unwrap() error { return e.Err }

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
