package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Sink makes blocks durable: it returns nil only when all of them are. The
// blocks are the sink's from the call on. Any other answer is a *Refusal
// (not known to be stored, send again later) or an error of class
// conn.Rejected (these rows will never be taken).
type Sink func(ctx context.Context, blocks []block.Block) error

// Config is what a Pipeline needs. Sink is required.
type Config struct {
	Sink   Sink
	Limits Limits
	// Quotas are what each tenant may send (default: quota's default limits).
	Quotas *quota.Keeper
	// RetentionDays is the retention class of what comes in (default 30).
	RetentionDays uint16
	// Timeout bounds the wait for the Sink when the client sets no shorter
	// deadline (default 9 s, just under the exporters' usual 10 s).
	Timeout time.Duration
	// RetryAfter is the delay told to clients refused for load (default 1 s).
	RetryAfter time.Duration
	// Known bounds the resources, scopes and series remembered as stored
	// (default 500,000).
	Known      int
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger
	Now        func() time.Time
}

func (c *Config) setDefaults() {
	c.Limits.setDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Quotas == nil {
		c.Quotas = quota.New(quota.Config{Logger: c.Logger, Now: c.Now})
	}
	if c.RetentionDays == 0 {
		c.RetentionDays = 30
	}
	if c.Timeout <= 0 {
		c.Timeout = 9 * time.Second
	}
	if c.RetryAfter <= 0 {
		c.RetryAfter = time.Second
	}
	if c.Known <= 0 {
		c.Known = 500_000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Pipeline turns the records of requests into blocks and gives them to the
// Sink. All methods may be called concurrently.
type Pipeline struct {
	cfg       Config
	inflight  atomic.Int64
	sequence  *logstore.Sequence
	known     *resourcestore.Known // resources, scopes and series that are stored
	series    *metricstore.Memory  // the series among them, by their encoding
	telemetry *telemetry
	// vocabulary is of all tenants: what it remembers is hashes that a tenant is
	// part of.
	vocabulary *tracestore.Vocabulary

	logIntakes   reuse[*LogIntake]
	spanIntakes  reuse[*SpanIntake]
	pointIntakes reuse[*PointIntake]
}

// New makes a Pipeline. It holds nothing that needs closing: what waits to be
// stored waits in the Sink.
func New(cfg Config) *Pipeline {
	cfg.setDefaults()
	p := &Pipeline{
		cfg:      cfg,
		sequence: logstore.SequenceAt(cfg.Now()),
		known:    resourcestore.NewKnown(cfg.Known),
		series:   metricstore.NewMemory(cfg.Known),

		vocabulary: tracestore.NewVocabulary(),
	}
	p.logIntakes.make = p.newLogIntake
	p.spanIntakes.make = p.newSpanIntake
	p.pointIntakes.make = p.newPointIntake
	p.telemetry = newTelemetry(cfg.Registerer, func() float64 { return float64(p.inflight.Load()) })
	return p
}

// Limits are the limits in force, defaults filled in.
func (p *Pipeline) Limits() Limits { return p.cfg.Limits }

// Refused counts a whole request that was answered with an error.
func (p *Pipeline) Refused(s Signal, reason string) {
	p.telemetry.refused.WithLabelValues(string(s), reason).Inc()
}

// store gives blocks to the Sink, once there are any.
func (p *Pipeline) store(ctx context.Context, blocks []block.Block) error {
	if len(blocks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.Patience(ctx))
	defer cancel()
	return p.sinkError(ctx, p.cfg.Sink(ctx, blocks))
}

// Patience is how long the Sink may take: Timeout, or what the client's
// deadline leaves when a tenth is kept for the answer to travel.
func (p *Pipeline) Patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return p.cfg.Timeout
	}
	left := time.Until(deadline)
	return min(p.cfg.Timeout, left-min(left/10, time.Second))
}

// sinkError makes sure that what is not a final rejection is told as a
// Refusal: better sent twice than lost.
func (p *Pipeline) sinkError(ctx context.Context, err error) error {
	var refusal *Refusal
	switch {
	case err == nil, errors.As(err, &refusal), conn.RejectsRows(err):
		return err
	case errors.Is(context.Cause(ctx), context.Canceled):
		return context.Canceled // the client is gone
	default:
		return &Refusal{Reason: RefusedUnavailable, RetryAfter: p.cfg.RetryAfter, Err: err}
	}
}
