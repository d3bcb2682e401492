package ingest

import "fmt"

// MalformedError means that a request is not in the encoding it claims.
type MalformedError struct {
	Format string // "protobuf", "JSON", "gzip", "zstd"
	Offset int    // bytes from the start of the decompressed body; -1 when not known
	Path   string // the field, as "resource_logs[0].scope_logs[1].log_records[3].trace_id"; may be empty
	Err    error
}

func (e *MalformedError) Error() string {
	s := "malformed " + e.Format
	if e.Path != "" {
		s += ": " + e.Path
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	return s + ": " + e.Err.Error()
}

func (e *MalformedError) Unwrap() error { return e.Err }
