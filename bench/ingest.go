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
	fmt.Fprintf(os.Stderr, "%s: making %d records\n", signal, cfg.Records)
	// Data that ends now: neither in the future nor beyond any retention.
	span := map[workload.Signal]time.Duration{workload.Logs: time.Millisecond, workload.Spans: time.Millisecond / 2,
		workload.Metrics: 15 * time.Second / time.Duration(cfg.Series)}[signal]
	requests, err := workload.Generate(workload.Config{Signal: signal, Records: cfg.Records, PerRequest: cfg.PerRequest, Series: cfg.Series,
		Seed: cfg.Seed, Compression: cfg.Compression, Start: time.Now().Add(-time.Duration(cfg.Records) * span).Truncate(time.Second)})
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
