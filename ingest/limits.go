package ingest

import (
	"errors"
	"fmt"

	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Limits bound what one request, one record and all requests together may
// cost, whoever sends them; what each tenant may send is quota.Limits. A zero
// field takes its default.
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
	// RecordBytes bounds one record: its strings and attributes, with those of
	// its events and links (default 4 MiB).
	RecordBytes int
	// Buckets bounds the buckets of one histogram point, each sign of an
	// exponential one counted alone (default 4,096).
	Buckets int
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
	setInt(&l.RecordBytes, 4<<20)
	setInt(&l.Buckets, 4096)
}

// Ready says why a request of the tenant would be refused now, a *Refusal, or
// nil. bytes is its size if that is known, 0 otherwise. Doors ask before they
// read a request.
func (p *Pipeline) Ready(t tenant.ID, bytes int64) error {
	now, limit := p.inflight.Load(), p.cfg.Limits.InflightBytes
	if bytes > limit {
		return tooMuch(bytes, limit)
	}
	if now >= limit || now+bytes > limit {
		return p.crowded(now)
	}
	err := p.cfg.Quotas.Tenant(t).Ready()
	var exceeded *quota.Exceeded
	if errors.As(err, &exceeded) {
		return &Refusal{Reason: RefusedQuota, RetryAfter: max(exceeded.Wait, p.cfg.RetryAfter), Err: err}
	}
	return err
}

// Arrived counts the bytes of a tenant's request, decompressed.
func (p *Pipeline) Arrived(t tenant.ID, bytes int) { p.cfg.Quotas.Tenant(t).Bytes(bytes) }

func tooMuch(n, limit int64) error {
	return &TooLargeError{What: "estimated memory of the request", Unit: "bytes", Limit: limit, Got: n}
}

func (p *Pipeline) crowded(now int64) error {
	return &Refusal{
		Reason:     RefusedInflight,
		RetryAfter: p.cfg.RetryAfter,
		Err:        fmt.Errorf("%d bytes of requests in flight, limit %d", now, p.cfg.Limits.InflightBytes),
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
		return tooMuch(a.held+n, limit)
	}
	if now := a.p.inflight.Add(n); now > limit {
		a.p.inflight.Add(-n)
		return a.p.crowded(now - n)
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
