package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// clickhouseFlags say which ClickHouse is meant: the one inside, with its data
// directory, or a server.
type clickhouseFlags struct {
	dataDir       string
	clickhouseDSN string
	engineLibrary string
	engineMemory  int64
}

func (c *clickhouseFlags) declare(set *flagset.Set) {
	set.String(&c.dataDir, "data-dir", "data", "`directory` for everything kept; created with mode 0700")
	set.String(&c.clickhouseDSN, "clickhouse-dsn", "", "`address` of a ClickHouse to use instead of the embedded one: clickhouse://user:password@host:9000/database?http_port=8123&secure=true; with sql_user=… and sql_password=…, who must be one that may only read, rules can be of type sql; better given as TREFOIL_CLICKHOUSE_DSN than on the command line, where other users see it")
	set.Secret("clickhouse-dsn")
	set.String(&c.engineLibrary, "engine-lib", "", "`path` of libchdb.so; empty: where 'trefoil engine install' puts it")
	set.Bytes(&c.engineMemory, "engine-memory", 0, "memory the embedded ClickHouse may use, a `size`; 0: half of the machine's, at most 4GiB")
}

func (c *clickhouseFlags) check() error {
	if c.clickhouseDSN != "" {
		if _, err := conn.ParseDSN(c.clickhouseDSN); err != nil {
			return fmt.Errorf("flag --clickhouse-dsn: %w", err)
		}
	}
	return nil
}

// embedded is the ClickHouse that runs inside.
type embedded struct{ *engine.Engine }

// engineNiceness lets what takes a request in, which is milliseconds that a sender waits for, go before inserts and
// merges, which work for seconds on what is acknowledged. Alone on its cores the engine has all of them.
const engineNiceness = 5

func startEmbedded(ctx context.Context, cfg *clickhouseFlags, log *slog.Logger, health *edge.Health) (*embedded, error) {
	library, err := engine.Locate(cfg.engineLibrary)
	if err != nil {
		return nil, err
	}
	e, err := engine.Start(ctx, engine.Config{
		DataDir: filepath.Join(cfg.dataDir, "engine"), Library: library,
		MemoryLimit: cfg.engineMemory, StopTimeout: engineTimeout, Niceness: engineNiceness, Logger: log,
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
