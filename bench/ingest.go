package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// ingest starts trefoil and sends each signal in turn, waiting for idleness
// between them, so that every signal's account is its own.
func ingest(ctx context.Context, cfg ingestConfig) (rep *report, err error) {
	s, err := start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	rep = newReport(cfg)
	if rep.Version, err = versionOf(ctx, cfg.Trefoil); err != nil {
		return nil, err
	}
	if _, err := waitIdle(ctx, s.cmd.Process.Pid, 30*time.Second); err != nil {
		return nil, err
	}
	for _, signal := range cfg.Signals {
		result, err := ingestSignal(ctx, cfg, s, signal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", signal, err)
		}
		rep.Signals = append(rep.Signals, *result)
	}
	return rep, nil
}

func ingestSignal(ctx context.Context, cfg ingestConfig, s *server, signal workload.Signal) (*signalResult, error) {
	if cfg.WarmUp > 0 {
		if err := warmUp(ctx, cfg, s, signal); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(os.Stderr, "%s: making %d records\n", signal, cfg.Records)
	requests, err := cfg.requests(signal, cfg.Records, 0, cfg.Seed)
	if err != nil {
		return nil, err
	}
	exports, closeExports, err := connect(cfg, s, signal)
	if err != nil {
		return nil, err
	}
	pid := s.cmd.Process.Pid
	diskBefore, err := tableBytes(s.dataDir)
	if err != nil {
		return nil, err
	}
	before, err := account(pid)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: sending over %d connections\n", signal, cfg.Connections)
	done, err := sendAll(ctx, exports, requests)
	if err := errors.Join(err, closeExports()); err != nil {
		return nil, err
	}
	acked, err := account(pid)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: waiting for merges\n", signal)
	idle, err := waitIdle(ctx, pid, cfg.IdleTimeout)
	if err != nil {
		return nil, err
	}
	after, err := account(pid)
	if err != nil {
		return nil, err
	}
	diskAfter, err := tableBytes(s.dataDir)
	if err != nil {
		return nil, err
	}
	return newSignalResult(signal, requests, done, before, acked, after, grown(diskBefore, diskAfter), idle), nil
}

// warmUp sends records that are not measured: the first inserts into a fresh
// server pay for memory and code that later ones find there.
func warmUp(ctx context.Context, cfg ingestConfig, s *server, signal workload.Signal) error {
	fmt.Fprintf(os.Stderr, "%s: warming up with %d records\n", signal, cfg.WarmUp)
	requests, err := cfg.requests(signal, cfg.WarmUp, cfg.Records, cfg.Seed+1)
	if err != nil {
		return err
	}
	exports, closeExports, err := connect(cfg, s, signal)
	if err != nil {
		return err
	}
	_, err = sendAll(ctx, exports, requests)
	if err := errors.Join(err, closeExports()); err != nil {
		return err
	}
	_, err = waitIdle(ctx, s.cmd.Process.Pid, cfg.IdleTimeout)
	return err
}

// requests are so many records that end now, or so many records of time before:
// neither in the future nor beyond any retention.
func (cfg *ingestConfig) requests(signal workload.Signal, records, before int, seed uint64) ([]workload.Request, error) {
	span := map[workload.Signal]time.Duration{workload.Logs: time.Millisecond, workload.Spans: time.Millisecond / 2,
		workload.Metrics: 15 * time.Second / time.Duration(cfg.Series)}[signal]
	return workload.Generate(workload.Config{Signal: signal, Records: records, PerRequest: cfg.PerRequest, Series: cfg.Series,
		Seed: seed, Compression: cfg.Compression, Start: time.Now().Add(-time.Duration(records+before) * span).Truncate(time.Second)})
}

func connect(cfg ingestConfig, s *server, signal workload.Signal) ([]export, func() error, error) {
	if cfg.Protocol == "grpc" {
		return grpcExports(cfg.Connections, s.otlpGRPC, signal)
	}
	return httpExports(cfg.Connections, s.otlpHTTP, signal, cfg.Compression), func() error { return nil }, nil
}

// grown returns by how much each table grew.
func grown(before, after map[string]int64) map[string]int64 {
	tables := map[string]int64{}
	for name, size := range after {
		if size != before[name] {
			tables[name] = size - before[name]
		}
	}
	return tables
}
