package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Config is what a Shipper needs. Log and Insert are required.
type Config struct {
	Log *wal.Log
	// Insert stores a body of Native blocks of one table in one piece; the same
	// token again adds nothing. It is conn.DB.InsertStream.
	Insert func(ctx context.Context, table, token string, body io.Reader, size int64) error
	// First are the tables whose rows others refer to; they are stored before
	// the rest of their segment.
	First []string
	// Lanes is how many segments may be under way at a time (default 2).
	Lanes int
	// Timeout bounds one insert (default 2 min).
	Timeout time.Duration
	// Backoff is the first pause after storage was not there; it doubles up to
	// MaxBackoff, with jitter (default 100 ms and 5 s).
	Backoff, MaxBackoff time.Duration
	// Attempts is how often rows that storage rejects are tried before they are
	// set aside (default 3).
	Attempts   int
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Lanes <= 0 {
		c.Lanes = 2
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.Backoff <= 0 {
		c.Backoff = 100 * time.Millisecond
	}
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = 5 * time.Second
	}
	if c.Attempts <= 0 {
		c.Attempts = 3
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Shipper moves sealed segments of the log into ClickHouse:
//
//	Log.Next ─▶ resources, scopes, series ─▶ logs, spans, samples, … ─▶ Remove
//	                     │ storage away: wait, then the same token again
//	                     │ a table stuck: the others go on, the segment rests
//	                     │ rows rejected: halves, down to single appends
//	                     └ an append rejected for good: quarantine
//
// One insert a table and segment, so that parts are large; a body streams from
// disk, so memory does not grow with the backlog.
type Shipper struct {
	cfg       Config
	breaker   *breaker // of the server
	tables    *bulkheads
	telemetry *telemetry
}

// New makes a Shipper. It works while Run does.
func New(cfg Config) *Shipper {
	cfg.setDefaults()
	s := &Shipper{
		cfg: cfg, breaker: newBreaker("storage", cfg.Backoff, cfg.MaxBackoff),
		tables: &bulkheads{first: cfg.Backoff, most: cfg.MaxBackoff},
	}
	s.telemetry = newTelemetry(cfg.Registerer, s.breaker, s.tables)
	return s
}

// Ready says why segments are not moving, nil while they are. What is acked is
// safe meanwhile.
func (s *Shipper) Ready() error { return errors.Join(s.breaker.err(), s.tables.err()) }

// Run ships until ctx ends or the log is closed and empty. What was under way
// is taken up again at the next start, with the same tokens.
func (s *Shipper) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	errs := make([]error, s.cfg.Lanes)
	for i := range errs {
		lanes.Go(func() { errs[i] = s.lane(ctx) })
	}
	lanes.Wait()
	return errors.Join(errs...)
}

func (s *Shipper) lane(ctx context.Context) error {
	for {
		seg, err := s.cfg.Log.NextOf(ctx, s.wants)
		switch {
		case errors.Is(err, wal.ErrClosed), ctx.Err() != nil:
			return nil
		case err != nil: // the disk's; the log tries again
			s.cfg.Logger.Error("ingest: segment not readable", "error", err)
			if !sleep(ctx, s.cfg.MaxBackoff) {
				return nil
			}
			continue
		}
		if err := s.ship(ctx, seg); err != nil {
			seg.Return()
			if ctx.Err() == nil {
				s.cfg.Logger.Error("ingest: segment not shipped", "segment", seg.ID(), "error", err)
				sleep(ctx, s.cfg.MaxBackoff)
			}
		}
	}
}

// wants tells whether something can be done for a segment with these tables left.
func (s *Shipper) wants(left []string) bool {
	for _, table := range s.order(slices.Clone(left)) {
		if s.tables.of(table).may(false) {
			return true
		}
		if s.rank(table) == 0 {
			return false
		}
	}
	return false
}

// ship stores every table of a segment and removes it, or puts it to rest when
// a table is stuck. An error means that the segment has to be given back.
func (s *Shipper) ship(ctx context.Context, seg *wal.Segment) error {
	rest := false
	for _, table := range s.order(seg.Tables()) {
		if rest && s.rank(table) > 0 && !s.firstStored(seg) {
			break
		}
		taken, err := s.shipTable(ctx, seg, table)
		if err != nil {
			return err
		}
		rest = rest || !taken
	}
	if rest {
		seg.Rest()
		return nil
	}
	s.telemetry.lag.Observe(time.Since(seg.Oldest()).Seconds())
	return seg.Remove()
}

// firstStored tells whether what others refer to is stored.
func (s *Shipper) firstStored(seg *wal.Segment) bool {
	return !slices.ContainsFunc(seg.Tables(), func(table string) bool { return s.rank(table) == 0 })
}

// shipTable stores one table of a segment; false when the table is stuck.
func (s *Shipper) shipTable(ctx context.Context, seg *wal.Segment, table string) (taken bool, err error) {
	b := s.tables.of(table)
	if !b.may(true) {
		return false, nil
	}
	err = s.shipPiece(ctx, seg.Piece(table))
	var stuck *stuckError
	switch {
	case err == nil:
		b.succeeded()
		return true, seg.Done(table)
	case errors.As(err, &stuck):
		b.failed(err)
		return false, nil
	default:
		b.released()
		return false, err
	}
}

// order puts the tables that others refer to first.
func (s *Shipper) order(tables []string) []string {
	slices.SortStableFunc(tables, func(a, b string) int { return s.rank(a) - s.rank(b) })
	return tables
}

func (s *Shipper) rank(table string) int {
	if slices.Contains(s.cfg.First, table) {
		return 0
	}
	return 1
}

// shipPiece stores a piece, or what storage takes of it; the rest is in
// quarantine when it returns nil.
func (s *Shipper) shipPiece(ctx context.Context, p wal.Piece) error {
	err := s.persist(ctx, p)
	if err == nil || !conn.RejectsRows(err) {
		return err
	}
	if a, b, ok := p.Halves(); ok {
		if err := s.shipPiece(ctx, a); err != nil {
			return err
		}
		return s.shipPiece(ctx, b)
	}
	s.telemetry.quarantined.WithLabelValues(p.Table).Add(float64(p.Rows))
	s.cfg.Logger.Error("ingest: rows are rejected and set aside; look with 'trefoil wal ls', send again with 'trefoil wal requeue'",
		"table", p.Table, "rows", p.Rows, "error", err)
	if err := p.Quarantine(err.Error()); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// persist sends a piece until it is stored, rejected as often as Attempts says,
// its table is stuck, or ctx ends. Whatever the outcome of an attempt, the next has the same token.
func (s *Shipper) persist(ctx context.Context, p wal.Piece) error {
	for rejections := 0; ; {
		if err := s.breaker.wait(ctx); err != nil {
			return err
		}
		err := s.attempt(ctx, p)
		switch {
		case err == nil:
			s.breaker.succeeded()
			return nil
		case ctx.Err() != nil:
			s.breaker.released()
			return err
		case conn.OfTable(err):
			s.breaker.succeeded() // the server is there
			s.telemetry.retries.WithLabelValues(p.Table).Inc()
			return &stuckError{err}
		case conn.RejectsRows(err):
			s.breaker.succeeded() // storage is there, and said no
			if rejections++; rejections >= s.cfg.Attempts {
				return err
			}
			if !sleep(ctx, jitter(s.cfg.Backoff)) {
				return ctx.Err()
			}
		default:
			s.breaker.failed(err)
		}
		s.telemetry.retries.WithLabelValues(p.Table).Inc()
	}
}

func (s *Shipper) attempt(ctx context.Context, p wal.Piece) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err := s.cfg.Insert(ctx, p.Table, p.Token, p.Reader(), p.Bytes)
	if err == nil {
		s.telemetry.stored(p)
		return nil
	}
	class := conn.ClassOf(err)
	s.telemetry.failures.WithLabelValues(p.Table, class.String()).Inc()
	if !errors.Is(err, context.Canceled) {
		s.cfg.Logger.Warn("ingest: insert failed", "table", p.Table, "rows", p.Rows, "class", class, "error", err)
	}
	return err
}
