package backend

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
)

// Backend is ClickHouse, embedded or not, with our schema in it.
type Backend struct {
	DB     *conn.DB
	Engine *embedded // nil with an external server
}

// Config is what a backend needs to know.
type Config struct {
	Flags
	Limits     conn.Limits // of queries
	Migrate    bool        // bring the tables up to date, instead of refusing old ones
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *edge.Health
}

// Open opens ClickHouse with the tables of this version in it, and watches
// it until ctx ends.
func Open(ctx context.Context, cfg Config) (b *Backend, err error) {
	b, err = Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.Engine == nil {
		cfg.Health.Add("clickhouse", b.ping(ctx))
	}
	if err := b.prepare(ctx, cfg.Migrate, cfg.Logger); err != nil {
		return b, err
	}
	go watchParts(ctx, b.DB, cfg.Registerer)
	return b, nil
}

// Connect opens ClickHouse as it is. What is embedded is part of health.
func Connect(ctx context.Context, cfg Config) (b *Backend, err error) {
	b = &Backend{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	addr := func() conn.Addr { a, _ := conn.ParseDSN(cfg.DSN); return a }
	if cfg.DSN == "" {
		if b.Engine, err = startEmbedded(ctx, &cfg); err != nil {
			return b, err
		}
		addr = b.Engine.Addr
	}
	b.DB, err = conn.Open(conn.Config{Addr: addr, Logger: cfg.Logger, Registerer: cfg.Registerer, Sole: b.Engine != nil, Limits: cfg.Limits})
	return b, err
}

// prepare makes sure that the tables are those of this version.
func (b *Backend) prepare(ctx context.Context, migrate bool, log *slog.Logger) error {
	if !migrate {
		return schema.Check(ctx, b.DB, schema.Options{})
	}
	return b.migrate(ctx, log)
}

// migrate brings the tables up to date. Statements may be run again, so that an
// engine that dies under one and is started again is no reason to end.
func (b *Backend) migrate(ctx context.Context, log *slog.Logger) error {
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		report, err := schema.Migrate(ctx, b.DB, schema.Options{})
		if err == nil && report.Before != report.After {
			log.Info("schema migrated", "from", report.Before, "to", report.After)
		}
		if err == nil || b.Engine == nil || conn.ClassOf(err) != conn.Unavailable || wait > 30*time.Second {
			return err
		}
		log.Warn("schema: the engine went away; the migration goes on when it is back", "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// Close closes the connections, and ends what is embedded.
func (b *Backend) Close() error {
	var errs []error
	if b.DB != nil {
		errs = append(errs, b.DB.Close()) // before the engine, whose stop waits for open connections
	}
	if b.Engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		errs = append(errs, b.Engine.Stop(ctx))
	}
	return errors.Join(errs...)
}
