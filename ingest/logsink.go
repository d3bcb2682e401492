package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// LogSink is the Sink whose ack means: fsynced in the log, and in ClickHouse
// exactly once, soon. retryAfter is what clients are told when the log is full
// or closing.
func LogSink(log *wal.Log, retryAfter time.Duration) Sink {
	return func(ctx context.Context, blocks []block.Block) error {
		err := log.AppendTogether(ctx, keysOf(ctx), blocks)
		if err == nil {
			return nil
		}
		refusal := &Refusal{Reason: RefusedUnavailable, RetryAfter: retryAfter, Err: err}
		var full *wal.FullError
		switch {
		case errors.As(err, &full):
			refusal.Reason = RefusedFull
		case errors.Is(err, wal.ErrClosed):
			refusal.Reason = RefusedClosing
		}
		return refusal
	}
}
