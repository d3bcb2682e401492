package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/querycmd"
	"github.com/trefoil-o11y/trefoil/cmd/internal/rulescmd"
	"github.com/trefoil-o11y/trefoil/cmd/internal/server"
	"github.com/trefoil-o11y/trefoil/cmd/internal/walcmd"
	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// command is one row of the table. A name of two words is a subcommand of its
// first word.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "take, keep and query telemetry, and evaluate alert rules", runServe},
		{"demo", "send a small shop's correlated telemetry", runDemo},
		{"query promql", "evaluate a PromQL expression, once or over a range", querycmd.PromQL},
		{"query metricsql", "the same for MetricsQL", querycmd.MetricsQL},
		{"query logql", "show log lines, or make series of them, with LogQL", querycmd.LogQL},
		{"query traceql", "find traces, or make series of spans, with TraceQL", querycmd.TraceQL},
		{"query logs", "search log records", querycmd.Logs},
		{"query trace", "show a trace with its logs and exemplars", querycmd.Trace},
		{"rules check", "say what is wrong with rule files, or doubtful", rulescmd.Check},
		{"rules test", "run unit tests of rule files", rulescmd.Test},
		{"rules backtest", "say when rules would have fired", rulescmd.Backtest},
		{"rules slo", "make rules of service level objectives", rulescmd.SLO},
		{"wal ls", "list what is acknowledged and not stored yet", walcmd.List},
		{"wal dump", "show the requests in a segment of the log", walcmd.Dump},
		{"wal verify", "check every byte of the log", walcmd.Verify},
		{"wal requeue", "send again what was set aside", walcmd.Requeue},
		{"migrate plan", "say what an upgrade will change in the tables", runMigratePlan},
		{"migrate apply", "bring the tables up to date", runMigrateApply},
		{"engine install", "bring the embedded ClickHouse (once)", runEngineInstall},
		{"version", "print what this binary was built from", runVersion},
	}
}

func runServe(ctx context.Context, args []string) error { return server.Serve(ctx, own(), args) }

func main() {
	engine.MaybeChild() // the embedded ClickHouse is this same binary, started again
	os.Exit(program(os.Args[1:]))
}

// program runs one command and returns the exit status: 0 done, 1 failed,
// 2 asked wrongly.
func program(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the default handling is back, so that a second one
	// ends a stop that hangs.
	context.AfterFunc(ctx, stop)

	err := dispatch(ctx, args)
	var usage *flagset.UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "trefoil: "+err.Error())
		return 2
	default:
		fmt.Fprintln(os.Stderr, "trefoil: "+err.Error())
		return 1
	}
}

// dispatch finds the command by its longest name and runs it.
func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Print(overview())
		return nil
	}
	if args[0] == "help" {
		return dispatch(ctx, append(args[1:len(args):len(args)], "--help"))
	}
	if args[0] == "--version" {
		args = []string{"version"}
	}
	if len(args) > 1 {
		if c, ok := find(args[0] + " " + args[1]); ok {
			return c.run(ctx, args[2:])
		}
	}
	if c, ok := find(args[0]); ok {
		return c.run(ctx, args[1:])
	}
	return unknownCommand(args)
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// unknownCommand answers a name that is not in the table: with the commands
// below it when it is the first word of some, with the nearest name otherwise.
func unknownCommand(args []string) error {
	var names, below []string
	for _, c := range commands() {
		names = append(names, c.name)
		if rest, ok := strings.CutPrefix(c.name, args[0]+" "); ok {
			below = append(below, rest)
		}
	}
	if len(below) > 0 {
		if len(args) > 1 && (args[1] == "--help" || args[1] == "-h") {
			fmt.Print(overview())
			return nil
		}
		return &flagset.UsageError{Command: args[0], Message: fmt.Sprintf("%s needs one of: %s", args[0], strings.Join(below, ", "))}
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if near, ok := flagset.Nearest(args[0], names); ok {
		message += "; did you mean " + near + "?"
	}
	return &flagset.UsageError{Message: message}
}

func overview() string {
	var b strings.Builder
	b.WriteString("Trefoil keeps logs, metrics and traces together: OTLP in, ClickHouse inside, PromQL and\n" +
		"one-call correlation out.\n\nUsage: trefoil <command> [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-16s %s\n", c.name, c.summary)
	}
	b.WriteString("\n'trefoil <command> --help' documents every flag of a command.\n")
	return b.String()
}
