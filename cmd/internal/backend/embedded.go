package backend

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

// stopTimeout is what the embedded ClickHouse is given to end.
const stopTimeout = 4 * time.Second

// engineNiceness lets what takes a request in, which is milliseconds that a sender waits for, go before inserts and
// merges, which work for seconds on what is acknowledged. Alone on its cores the engine has all of them.
const engineNiceness = 5

// embedded is the ClickHouse that runs inside.
type embedded struct{ *engine.Engine }

func startEmbedded(ctx context.Context, cfg *Config) (*embedded, error) {
	library, err := enginelib.Locate(cfg.Library)
	if err != nil {
		return nil, err
	}
	e, err := engine.Start(ctx, engine.Config{
		DataDir: filepath.Join(cfg.DataDir, "engine"), Library: library,
		MemoryLimit: cfg.Memory, StopTimeout: stopTimeout, Niceness: engineNiceness, Logger: cfg.Logger,
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
