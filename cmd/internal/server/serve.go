package server

import (
	"context"
	"os"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/selftel"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
)

// Serve is the command serve; build is what the binary tells of itself.
func Serve(ctx context.Context, build selftel.Build, args []string) error {
	set := flagset.New(flagset.About{
		Command: "serve",
		Text: `
Takes logs, metrics and traces over OTLP, keeps them in ClickHouse, answers queries and evaluates
alert rules. ClickHouse runs inside, as a child process of this binary, unless --clickhouse-dsn
names a server. Everything listens on loopback unless told otherwise.

Stops on SIGTERM or Ctrl-C within ten seconds: what was accepted is stored first.`,
		Examples: []string{
			"trefoil serve",
			"trefoil serve --data-dir /var/lib/trefoil --rules '/etc/trefoil/rules/*.yaml' --alert-webhook http://127.0.0.1:9000/hook",
			"trefoil serve --clickhouse-dsn 'clickhouse://trefoil@ch.example:9440/trefoil?secure=true'",
		},
	})
	cfg := config{tenantLimits: quota.DefaultLimits(), log: selftel.LogConfig{Output: os.Stderr, Attrs: edge.LogAttrs}}
	cfg.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("serve takes no arguments, got %q", set.Args()[0])
	}
	if err := cfg.check(); err != nil {
		return set.Errorf("%v", err)
	}
	if err := cfg.readLimits(set); err != nil {
		return err
	}
	cfg.flags, cfg.started = set.Values(), time.Now()
	return serve(ctx, build, cfg)
}
