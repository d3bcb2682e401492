package segment

import "fmt"

// CorruptError is damage found in a segment.
type CorruptError struct {
	Path     string
	From, To int64 // bytes of the file
	Why      string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("wal: %s: bytes %d to %d: %s", e.Path, e.From, e.To, e.Why)
}
