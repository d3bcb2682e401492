package ingest

import (
	"fmt"
	"time"
)

// RefusalReason says why a request was turned away for now.
type RefusalReason string

// The reasons for a Refusal. They are values of the reason label of
// trefoil_ingest_requests_refused_total.
const (
	RefusedInflight    RefusalReason = "inflight_bytes" // too many bytes of requests in flight
	RefusedFull        RefusalReason = "log_full"       // the log's budget or the disk is used up
	RefusedUnavailable RefusalReason = "unavailable"    // the log could not be written in time
	RefusedClosing     RefusalReason = "closing"        // the server is stopping
	RefusedQuota       RefusalReason = "quota"          // the tenant used up a rate; Err is a *quota.Exceeded
)

// Refusal means: not stored, send it again after RetryAfter. Only when Reason
// is RefusedUnavailable the rows may be stored nevertheless.
type Refusal struct {
	Reason     RefusalReason
	RetryAfter time.Duration
	Err        error // what stood in the way; may be nil
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("refused (%s), retry after %s", r.Reason, r.RetryAfter)
	}
	return fmt.Sprintf("refused (%s), retry after %s: %v", r.Reason, r.RetryAfter, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

// Overload tells a refusal because there is too much, of everything or of this
// tenant's, from one because storage is away: the former is
// 429/RESOURCE_EXHAUSTED, the latter 503/UNAVAILABLE.
func (r *Refusal) Overload() bool {
	return r.Reason == RefusedInflight || r.Reason == RefusedFull || r.Reason == RefusedQuota
}

// TooLargeError means: over a limit of one request; sending the same bytes
// again will not help, a smaller batch or a higher limit will.
type TooLargeError struct {
	What  string // what was measured, as "request body"
	Unit  string // "bytes" or "records"
	Limit int64
	Got   int64 // 0 when reading stopped at the limit
}

func (e *TooLargeError) Error() string {
	if e.Got == 0 {
		return fmt.Sprintf("%s is over the limit of %d %s", e.What, e.Limit, e.Unit)
	}
	return fmt.Sprintf("%s is %d %s, over the limit of %d", e.What, e.Got, e.Unit, e.Limit)
}
