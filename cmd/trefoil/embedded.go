package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// embedded is the ClickHouse that runs inside.
type embedded struct{ *engine.Engine }

func startEmbedded(ctx context.Context, cfg *serveConfig, log *slog.Logger, health *edge.Health) (*embedded, error) {
	library, err := engine.Locate(cfg.engineLibrary)
	if err != nil {
		return nil, err
	}
	e, err := engine.Start(ctx, engine.Config{
		DataDir: filepath.Join(cfg.dataDir, "engine"), Library: library,
		MemoryLimit: cfg.engineMemory, StopTimeout: engineTimeout, Logger: log,
		OnState: func(s engine.State) { log.Debug("engine", "state", s) },
	})
	if err != nil {
		return nil, err
	}
	health.Add("engine", func() error {
		if e.State() == engine.Ready {
			return nil
		}
		if err := e.Err(); err != nil {
			return err
		}
		return errors.New(e.State().String())
	})
	return &embedded{e}, nil
}

func (e *embedded) addr() conn.Addr {
	p := e.Endpoint()
	return conn.Addr{
		TCPAddr: p.TCPAddr, HTTPAddr: p.HTTPAddr, User: p.User, Password: p.Password,
		ReadUser: p.ReadUser, ReadPassword: p.ReadPassword, Database: p.Database,
	}
}

// pinger asks an external server for a sign of life every few seconds.
type pinger struct{ last atomic.Pointer[error] }

func (p *pinger) run(ctx context.Context, ping func(context.Context) error) {
	const every, patience = 5 * time.Second, 3 * time.Second
	for {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			return ping(ctx)
		}()
		p.last.Store(&err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

func (p *pinger) err() error {
	if e := p.last.Load(); e != nil {
		return *e
	}
	return nil
}
