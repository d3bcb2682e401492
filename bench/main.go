package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/promqlbench"
	"github.com/trefoil-o11y/trefoil/bench/subject"
	"github.com/trefoil-o11y/trefoil/bench/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// scenarios are what can be measured, by the first argument.
func scenarios() map[string]func(ctx context.Context, args []string) error {
	return map[string]func(context.Context, []string) error{"ingest": runIngest, "promql": promqlbench.Run, "query": runQuery, "rules": runRules}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if measure, ok := scenarios()[args[0]]; ok {
			return measure(ctx, args[1:])
		}
	}
	return fmt.Errorf("want a scenario (bench SCENARIO [flags]; --help lists them), one of %s", strings.Join(slices.Sorted(maps.Keys(scenarios())), ", "))
}

func runIngest(ctx context.Context, args []string) error {
	cfg, err := parseIngest(args)
	if err != nil {
		return err
	}
	report, err := ingest(ctx, cfg)
	if err != nil {
		return err
	}
	report.print(os.Stdout)
	path, err := report.save(cfg.Results)
	if err != nil {
		return err
	}
	fmt.Println("written to", path)
	return nil
}

// ingestConfig is one run of the ingest scenario.
type ingestConfig struct {
	subject.Config
	Results     string
	Signals     []workload.Signal
	Records     int
	WarmUp      int // records of each signal that are sent before
	PerRequest  int
	Series      int
	Connections int
	Compression string
	Protocol    string
	Seed        uint64
	IdleTimeout time.Duration
	// Paced is the share of the full load at which records are sent once more, for
	// the time to an ack; 0: they are not.
	Paced     float64
	PacedFor  time.Duration
	PacedRate int // records a second, instead of the share
	// Binaries of peers that get the same records; "": left out.
	VictoriaMetrics, VictoriaLogs, Collector string
}

func parseIngest(args []string) (ingestConfig, error) {
	var cfg ingestConfig
	var signals, extra string
	fs := flag.NewFlagSet("bench ingest", flag.ContinueOnError)
	fs.StringVar(&cfg.Trefoil, "trefoil", "bin/trefoil", "binary to start")
	fs.StringVar(&extra, "serve-flags", "", "more flags for trefoil serve, separated by spaces")
	fs.StringVar(&cfg.DataDir, "data-dir", "", "keep the data here instead of in a temporary directory; must be empty or absent")
	fs.StringVar(&cfg.Results, "results", "bench/results", "write the JSON report into this directory")
	fs.StringVar(&signals, "signals", "logs,spans,metrics", "what to send, in this order")
	fs.IntVar(&cfg.Records, "records", 1_000_000, "records of each signal")
	fs.IntVar(&cfg.WarmUp, "warm-up", 1_500_000, "records of each signal sent before, which are not measured")
	fs.IntVar(&cfg.PerRequest, "per-request", 1000, "records in a request")
	fs.IntVar(&cfg.Series, "series", 10_000, "metric series")
	fs.IntVar(&cfg.Connections, "connections", 8, "connections, each with one request under way")
	fs.StringVar(&cfg.Compression, "compression", "none", "of the requests: none, gzip or zstd (HTTP only)")
	fs.StringVar(&cfg.Protocol, "protocol", "http", "http or grpc")
	fs.Uint64Var(&cfg.Seed, "seed", 1, "seed of the data")
	fs.Float64Var(&cfg.Paced, "paced", 0.7, "then send again at this share of the full load, for the time to an ack; 0: do not")
	fs.IntVar(&cfg.PacedRate, "paced-rate", 0, "this many records a second instead of a share of the full load: to compare two versions")
	fs.DurationVar(&cfg.PacedFor, "paced-for", 10*time.Second, "how long to do that")
	fs.StringVar(&cfg.VictoriaMetrics, "victoria-metrics", "", "VictoriaMetrics binary to send the same metrics to")
	fs.StringVar(&cfg.VictoriaLogs, "victoria-logs", "", "VictoriaLogs binary to send the same logs to")
	fs.StringVar(&cfg.Collector, "collector", "", "binary of bench/peers/collector to send the same to: a collector with clickhouseexporter and an engine of its own")
	fs.DurationVar(&cfg.IdleTimeout, "idle-timeout", 3*time.Minute, "how long to wait for merges to end")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	cfg.Args = strings.Fields(extra)
	for _, s := range strings.Split(signals, ",") {
		signal := workload.Signal(strings.TrimSpace(s))
		if !slices.Contains(workload.Signals(), signal) {
			return cfg, fmt.Errorf("--signals: no signal %q; there are %v", s, workload.Signals())
		}
		cfg.Signals = append(cfg.Signals, signal)
	}
	switch {
	case cfg.Connections < 1 || cfg.Records < 1:
		return cfg, errors.New("--connections and --records must be positive")
	case cfg.Protocol != "http" && cfg.Protocol != "grpc":
		return cfg, fmt.Errorf("--protocol: %q is not http or grpc", cfg.Protocol)
	case cfg.Protocol == "grpc" && cfg.Compression != "none":
		return cfg, errors.New("--compression: requests over gRPC are sent uncompressed, for compressing them would be measured too")
	}
	return cfg, nil
}
