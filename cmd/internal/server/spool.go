package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/delivery"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// spool is what lies between the doors and ClickHouse: the write-ahead log and
// the shipper that empties it.
type spool struct {
	log     *wal.Log
	shipper *delivery.Shipper
	cancel  context.CancelFunc
	done    chan error // the shipper's end
}

func openSpool(cfg *config, b *backend.Backend, log *slog.Logger, reg prometheus.Registerer, health *edge.Health) (*spool, error) {
	walConfig := wal.Config{Dir: filepath.Join(cfg.DataDir, "wal"), MaxBytes: cfg.walMaxBytes, Logger: log, Registerer: reg}
	if b.Engine != nil {
		// what an external server does about power loss and its disk is its own configuration
		walConfig.Settle, walConfig.Epoch = b.Engine.Sync, b.Engine.Epoch
	}
	w, err := wal.Open(walConfig)
	if err != nil {
		return nil, err
	}
	s := &spool{log: w, done: make(chan error, 1), shipper: delivery.New(delivery.Config{
		Log: w, Insert: b.DB.InsertStream,
		First:  []string{resourcestore.TableResources, resourcestore.TableScopes, metricstore.TableSeries},
		Logger: log, Registerer: reg,
	})}
	health.Add("ingest", s.shipper.Ready)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.done <- s.shipper.Run(ctx) }()
	return s, nil
}

func (s *spool) sink() ingest.Sink { return ingest.LogSink(s.log, 2*time.Second) }

// close ships what it can until ctx ends. The rest is safe in the log and is
// shipped after the next start.
func (s *spool) close(ctx context.Context) error {
	sealErr := s.log.Seal(ctx)
	for sealErr == nil && ctx.Err() == nil && s.shipper.Ready() == nil && s.log.Stats().Segments > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.cancel()
	return errors.Join(sealErr, <-s.done, s.log.Close())
}
