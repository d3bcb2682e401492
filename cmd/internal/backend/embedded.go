package backend

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// stopTimeout is what the embedded ClickHouse is given to end.
const stopTimeout = 4 * time.Second

// embedded is the ClickHouse that runs inside.
type embedded struct{ *engine.Engine }

func startEmbedded(ctx context.Context, cfg *Config) (*embedded, error) {
	library, err := engine.Locate(cfg.Library)
	if err != nil {
		return nil, err
	}
	e, err := engine.Start(ctx, engine.Config{
		DataDir: filepath.Join(cfg.DataDir, "engine"), Library: library,
		MemoryLimit: cfg.Memory, StopTimeout: stopTimeout, Logger: cfg.Logger,
		OnState: func(s engine.State) { cfg.Logger.Debug("engine", "state", s) },
	})
	if err != nil {
		return nil, err
	}
	cfg.Health.Add("engine", func() error {
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

// Addr is where it listens now: another place after each start.
func (e *embedded) Addr() conn.Addr {
	p := e.Endpoint()
	return conn.Addr{
		TCPAddr: p.TCPAddr, HTTPAddr: p.HTTPAddr, User: p.User, Password: p.Password,
		ReadUser: p.ReadUser, ReadPassword: p.ReadPassword, Database: p.Database,
	}
}
