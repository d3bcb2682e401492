package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/selftel"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
)

func runMigratePlan(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "migrate plan",
		Text: `
Says which migrations of this version the database does not have yet, and changes nothing. 'trefoil
serve' applies them when it starts, unless told not to. The server may run meanwhile where
ClickHouse is one of your own; the embedded one belongs to one process at a time.`,
		Examples: []string{
			"trefoil migrate plan --data-dir /var/lib/trefoil",
			"TREFOIL_CLICKHOUSE_DSN=… trefoil migrate plan --sql > upgrade.sql",
		},
	})
	var sql bool
	set.Bool(&sql, "sql", false, "print the statements")
	return onDatabase(ctx, set, args, func(db *conn.DB) error {
		pending, version, err := schema.Plan(ctx, db, schema.Options{})
		switch {
		case err != nil:
			return err
		case sql:
			return printStatements(os.Stdout, pending)
		case len(pending) == 0:
			fmt.Printf("The database has version %d, that of this binary. Nothing to do.\n", version)
			return nil
		}
		fmt.Printf("The database has version %d, this binary %d.\n\n", version, pending[len(pending)-1].Version)
		w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "MIGRATION\tSTATEMENTS")
		for _, m := range pending {
			fmt.Fprintf(w, "%s\t%d\n", m, len(m.Statements))
		}
		return w.Flush()
	})
}

func runMigrateApply(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "migrate apply",
		Text: `
Brings the tables of the database up to date with this version, one migration after the other. It
may be stopped and started again: what is applied is written down, and a statement that ran already
does nothing the second time. Where a table is copied, a minute goes for some thirty million rows.`,
		Examples: []string{
			"trefoil migrate apply --data-dir /var/lib/trefoil",
			"TREFOIL_CLICKHOUSE_DSN=… trefoil migrate apply",
		},
	})
	return onDatabase(ctx, set, args, func(db *conn.DB) error {
		last := time.Now()
		report, err := schema.Migrate(ctx, db, schema.Options{Progress: func(m schema.Migration) {
			fmt.Printf("%s applied in %s\n", m, time.Since(last).Round(time.Millisecond))
			last = time.Now()
		}})
		if err != nil {
			return err
		}
		if len(report.Applied) == 0 {
			fmt.Printf("The database has version %d, that of this binary. Nothing to do.\n", report.After)
			return nil
		}
		fmt.Printf("The database has version %d now; it had %d.\n", report.After, report.Before)
		return nil
	})
}

// onDatabase reads the flags of a command that needs ClickHouse and nothing
// else of a server, and runs f on it.
func onDatabase(ctx context.Context, set *flagset.Set, args []string, f func(*conn.DB) error) (err error) {
	var cfg backend.Flags
	cfg.Declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("it takes no arguments, got %q", set.Args()[0])
	}
	if err := cfg.Check(); err != nil {
		return set.Errorf("%v", err)
	}
	if cfg.DSN == "" {
		if _, err := os.Stat(filepath.Join(cfg.DataDir, "engine")); errors.Is(err, os.ErrNotExist) {
			return set.Errorf("flag --data-dir: %s has no database yet; 'trefoil serve' makes one", cfg.DataDir)
		}
	}
	log, err := selftel.NewLogger(selftel.LogConfig{Output: os.Stderr, Level: "warn", Format: "text"})
	if err != nil {
		return err
	}
	b, err := backend.Connect(ctx, backend.Config{Flags: cfg, Logger: log, Registerer: prometheus.NewRegistry(), Health: edge.NewHealth()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return f(b.DB)
}

// printStatements writes migrations as SQL for a client, each statement with the
// condition under which it is behind us.
func printStatements(w io.Writer, list []schema.Migration) error {
	for _, m := range list {
		if _, err := fmt.Fprintf(w, "-- %s\n", m); err != nil {
			return err
		}
		for _, s := range m.Statements {
			if s.Unless != "" {
				fmt.Fprintf(w, "-- not where this has a row: %s\n", termview.OneLine(s.Unless))
			}
			if _, err := fmt.Fprintf(w, "%s;\n\n", s.SQL); err != nil {
				return err
			}
		}
	}
	return nil
}
