package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

const (
	// packEvery is how long the hours that are over wait to be packed. Each run
	// unpacks what there is of the day, so that more often is dearer.
	packEvery = 2 * time.Hour
	packGrace = 5 * time.Minute // for samples that come late
	packBack  = 48 * time.Hour  // for those that come very late
)

// packSamples packs the samples of hours that are over, and rolls up those of days
// that are: at once all that the retention holds, within a month, then every other
// hour. What cannot be done now can be later, and is read as it is until then.
func packSamples(ctx context.Context, db *conn.DB, retention time.Duration, log *slog.Logger) error {
	samples := samplestore.New(db)
	rollups := rollupstore.New(db, samples)
	back := max(packBack, min(retention, 31*24*time.Hour))
	for {
		now := time.Now()
		did, err := samples.Pack(ctx, now.Add(-back), now.Add(-packGrace))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Warn("samples are not packed; queries of them are slower", "error", err)
		case did.Packs > 0:
			log.Info("samples packed", "packs", did.Packs, "samples", did.Samples, "bytes", did.Bytes, "took", time.Since(now).Round(time.Millisecond))
		}
		begun := time.Now()
		rolled, err := rollups.Roll(ctx, now.Add(-back), now.Add(-packGrace))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Warn("samples are not rolled up; queries over long ranges are slower", "error", err)
		case rolled.Days > 0:
			log.Info("samples rolled up", "days", rolled.Days, "samples", rolled.Samples, "bytes", rolled.Bytes, "took", time.Since(begun).Round(time.Millisecond))
		}
		back = packBack
		next := now.Truncate(packEvery).Add(packEvery + packGrace)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(next)):
		}
	}
}
