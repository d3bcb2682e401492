package ingest

import (
	"fmt"
	"time"
)

// Limits bound what one request, one record and all requests together may
// cost. A zero field takes its default.
type Limits struct {
	// RequestBytes bounds a request body as it arrives (default 16 MiB).
	RequestBytes int64
	// DecodedBytes bounds a request body once decompressed (default 32 MiB).
	DecodedBytes int64
	// InflightBytes bounds the estimated memory of all requests being
	// decoded or waiting for their ack (default 192 MiB).
	InflightBytes int64
	// Records bounds the records (log records, spans, data points) of one
	// request (default 250,000).
	Records int
	// Attributes bounds the attributes of one record, resource, scope, event
	// or link (default 512).
	Attributes int
	// AttributeBytes bounds one attribute, key and value together (default 256 KiB).
	AttributeBytes int
	// RecordBytes bounds one record: its strings and attributes, with those of
	// its events and links (default 4 MiB).
	RecordBytes int
	// Buckets bounds the buckets of one histogram point, each sign of an
	// exponential one counted alone (default 4,096).
	Buckets int
	// Future bounds how far ahead of our clock a record may be (default 24 h).
	// How far behind is bounded by the retention.
	Future time.Duration
}

func (l *Limits) setDefaults() {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	setInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.RequestBytes, 16<<20)
	set(&l.DecodedBytes, 32<<20)
	set(&l.InflightBytes, 192<<20)
	setInt(&l.Records, 250_000)
	setInt(&l.Attributes, 512)
	setInt(&l.AttributeBytes, 256<<10)
	setInt(&l.RecordBytes, 4<<20)
	setInt(&l.Buckets, 4096)
	if l.Future <= 0 {
		l.Future = 24 * time.Hour
	}
}

// Admission is one request's share of the in-flight budget. It is used by one
// goroutine and must be released.
type Admission struct {
	p    *Pipeline
	held int64
}

// Admit opens a request. It takes nothing yet: the door grows it as bytes arrive.
func (p *Pipeline) Admit() *Admission { return &Admission{p: p} }

// Grow takes n more bytes of the in-flight budget. It answers a *Refusal when
// others hold too much of it, and a *TooLargeError when this request alone
// would not fit.
func (a *Admission) Grow(n int64) error {
	limit := a.p.cfg.Limits.InflightBytes
	if a.held+n > limit {
		return &TooLargeError{What: "estimated memory of the request", Unit: "bytes", Limit: limit, Got: a.held + n}
	}
	if now := a.p.inflight.Add(n); now > limit {
		a.p.inflight.Add(-n)
		return &Refusal{
			Reason:     RefusedInflight,
			RetryAfter: a.p.cfg.RetryAfter,
			Err:        fmt.Errorf("%d bytes of requests in flight, limit %d", now-n, limit),
		}
	}
	a.held += n
	return nil
}

// Release gives the whole share back. It may be called more than once, and on
// a nil Admission.
func (a *Admission) Release() {
	if a == nil {
		return
	}
	a.p.inflight.Add(-a.held)
	a.held = 0
}
