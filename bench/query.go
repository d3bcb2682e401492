package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// queryConfig is one run of the query scenario: logs and spans in trefoil, the
// same logs in VictoriaLogs if its binary is given, the same questions to both.
type queryConfig struct {
	Trefoil   string // binary
	Victoria  string // VictoriaLogs binary; "" for nobody beside us
	Collector string // binary of bench/peers/collector, "" for none
	Dir       string // data of both; filled if it is empty
	Results   string
	Logs      int
	Spans     int
	Repeat    int
	LoadOnly  bool
	Only      string // questions whose name contains this
	Args      []string
}

func parseQuery(args []string) (queryConfig, error) {
	var cfg queryConfig
	var extra string
	fs := flag.NewFlagSet("bench query", flag.ContinueOnError)
	fs.StringVar(&cfg.Trefoil, "trefoil", "bin/trefoil", "binary to start")
	fs.StringVar(&cfg.Victoria, "victoria-logs", "", "VictoriaLogs binary to ask beside us; without it only trefoil is measured")
	fs.StringVar(&cfg.Collector, "collector", "", "binary of bench/peers/collector, whose tables are asked beside us in SQL")
	fs.StringVar(&cfg.Dir, "dir", filepath.Join(os.TempDir(), "bench-query"), "keep the data of both here, and use what is there")
	fs.StringVar(&cfg.Results, "results", "bench/results", "write the JSON report into this directory")
	fs.IntVar(&cfg.Logs, "logs", 5_000_000, "log records; the bars are for 20000000")
	fs.IntVar(&cfg.Spans, "spans", 3_000_000, "spans; the bars are for 10000000")
	fs.IntVar(&cfg.Repeat, "repeat", 10, "how often each question is asked")
	fs.BoolVar(&cfg.LoadOnly, "load-only", false, "fill -dir and end")
	fs.StringVar(&cfg.Only, "only", "", "ask only questions whose name contains this")
	fs.StringVar(&extra, "serve-flags", "", "more flags for trefoil serve, separated by spaces")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if cfg.Logs < 1 || cfg.Spans < 1 || cfg.Repeat < 1 || fs.NArg() > 0 {
		return cfg, errors.New("-logs, -spans and -repeat must be positive, and there are no arguments")
	}
	cfg.Args = strings.Fields(extra)
	cfg.Dir = filepath.Join(cfg.Dir, fmt.Sprintf("%d-%d", cfg.Logs, cfg.Spans))
	return cfg, os.MkdirAll(cfg.Dir, 0o755)
}

// runQuery fills both, asks both, and prints and keeps what it cost.
func runQuery(ctx context.Context, args []string) (err error) {
	cfg, err := parseQuery(args)
	if err != nil {
		return err
	}
	ours, err := subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil, DataDir: filepath.Join(cfg.Dir, "trefoil"), Kept: true, Args: cfg.Args})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.Stop()) }()
	var peer *subject.Process
	if cfg.Victoria != "" {
		if peer, err = subject.StartPeer(ctx, cfg.Victoria, filepath.Join(cfg.Dir, "victoria-logs"), "-retentionPeriod", "10y"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, peer.Stop()) }()
	}
	var exporter *exporterTables
	if cfg.Collector != "" {
		if exporter, err = startExporter(ctx, cfg.Collector, filepath.Join(cfg.Dir, "collector")); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, exporter.conn.Close(), exporter.peer.Stop()) }()
	}
	data, err := cfg.fill(ctx, ours, peer, exporter)
	if err != nil || cfg.LoadOnly {
		return err
	}
	servers := []*subject.Process{ours, peer}
	if exporter != nil {
		servers = append(servers, exporter.peer)
	}
	for _, s := range servers {
		if s == nil {
			continue
		}
		if _, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 5*time.Minute); err != nil {
			return err
		}
	}
	rep, err := cfg.ask(ctx, ours, peer, exporter, data)
	if err != nil {
		return err
	}
	if rep.Version, err = subject.Version(ctx, cfg.Trefoil); err != nil {
		return err
	}
	rep.print(os.Stdout)
	path, err := rep.save(cfg.Results)
	if err == nil {
		fmt.Println("written to", path)
	}
	return err
}

// filled is what the data directory holds: the time of its data.
type filled struct {
	Start    time.Time `json:"start"`
	Logs     time.Time `json:"logs_end"`
	Spans    time.Time `json:"spans_end"`
	Peer     bool      `json:"peer"`
	Exporter bool      `json:"exporter"`
}

// fill sends the data unless an earlier run has. Requests are made and sent in
// stretches, since all of them would not fit in memory.
func (cfg queryConfig) fill(ctx context.Context, ours, peer *subject.Process, exporter *exporterTables) (filled, error) {
	marker := filepath.Join(cfg.Dir, "filled.json")
	var f filled
	if text, err := os.ReadFile(marker); err == nil {
		if err := json.Unmarshal(text, &f); err != nil {
			return f, err
		}
		if peer != nil && !f.Peer {
			return f, fmt.Errorf("%s was filled without VictoriaLogs; remove it to fill both", cfg.Dir)
		}
		if exporter != nil && !f.Exporter {
			return f, fmt.Errorf("%s was filled without the collector; remove it to fill both", cfg.Dir)
		}
		return f, nil
	}
	length := max(time.Duration(cfg.Logs)*time.Millisecond, time.Duration(cfg.Spans)*time.Millisecond/2)
	f = filled{Start: time.Now().Add(-length - time.Minute).Truncate(time.Minute), Peer: peer != nil, Exporter: exporter != nil}
	var err error
	logs := []string{"http://" + ours.OTLPHTTP + "/v1/logs"}
	if peer != nil {
		logs = append(logs, "http://"+peer.HTTPAddr+"/insert/opentelemetry/v1/logs")
	}
	traces, servers := []string{"http://" + ours.OTLPHTTP + "/v1/traces"}, []*subject.Process{ours, peer}
	if exporter != nil {
		logs = append(logs, "http://"+exporter.peer.OTLPHTTP+"/v1/logs")
		traces = append(traces, "http://"+exporter.peer.OTLPHTTP+"/v1/traces")
		servers = append(servers, exporter.peer)
	}
	if f.Logs, err = send(ctx, workload.Logs, cfg.Logs, f.Start, time.Millisecond, logs...); err != nil {
		return f, fmt.Errorf("logs: %w", err)
	}
	if f.Spans, err = send(ctx, workload.Spans, cfg.Spans, f.Start, time.Millisecond/2, traces...); err != nil {
		return f, fmt.Errorf("spans: %w", err)
	}
	for _, s := range servers {
		if s == nil {
			continue
		}
		if idle, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 10*time.Minute); err != nil || !idle {
			return f, errors.Join(err, errors.New("merges did not end in ten minutes"))
		}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	return f, os.WriteFile(marker, text, 0o644)
}

// send sends records that are a while apart to each URL, and returns when the
// last of them was. The same seed gives every receiver the same records.
func send(ctx context.Context, signal workload.Signal, records int, start time.Time, apart time.Duration, urls ...string) (time.Time, error) {
	const stretch = 250_000
	for made := 0; made < records; made += stretch {
		n := min(stretch, records-made)
		requests, err := workload.Generate(workload.Config{Signal: signal, Records: n, Start: start, Seed: uint64(made/stretch + 1)})
		if err != nil {
			return start, err
		}
		for _, url := range urls {
			if _, err := load.All(ctx, load.ExportsTo(8, url, "none"), requests, 0); err != nil {
				return start, fmt.Errorf("%s: %w", url, err)
			}
		}
		start = start.Add(time.Duration(n) * apart)
		fmt.Fprintf(os.Stderr, "%s: %d of %d sent\n", signal, made+n, records)
	}
	return start, nil
}
