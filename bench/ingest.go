package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// target is a server that takes OTLP: trefoil, or a peer of it.
type target struct {
	name    string
	server  *subject.Process
	signals []workload.Signal
	connect func(workload.Signal) (exports []load.Export, closeAll func() error, err error)
	disk    func(dir string) (map[string]int64, error) // by table, in bytes
	// settle, if there is one, brings to disk what waits in memory and merges it, before bytes are counted.
	settle func(context.Context) error
}

// ingest starts trefoil, and then each peer, and sends each signal in turn,
// waiting for idleness between them, so that every signal's account is its own.
func ingest(ctx context.Context, cfg ingestConfig) (*report, error) {
	rep := newReport(cfg)
	var err error
	if rep.Version, err = subject.Version(ctx, cfg.Trefoil); err != nil {
		return nil, err
	}
	for _, start := range []func(context.Context, ingestConfig) (*target, error){startTrefoil, startCollector, startVictoriaLogs, startVictoriaMetrics} {
		t, err := start(ctx, cfg)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		results, err := ingestAll(ctx, cfg, t)
		if err := errors.Join(err, t.server.Stop()); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		rep.Signals = append(rep.Signals, results...)
	}
	return rep, nil
}

func startTrefoil(ctx context.Context, cfg ingestConfig) (*target, error) {
	s, err := subject.Start(ctx, cfg.Config)
	if err != nil {
		return nil, err
	}
	connect := func(signal workload.Signal) ([]load.Export, func() error, error) {
		if cfg.Protocol == "grpc" {
			return load.GRPC(cfg.Connections, s.OTLPGRPC, signal)
		}
		return load.HTTP(cfg.Connections, s.OTLPHTTP, signal, cfg.Compression), func() error { return nil }, nil
	}
	return &target{name: "trefoil", server: s, signals: cfg.Signals, connect: connect, disk: subject.TableBytes}, nil
}

func startVictoriaLogs(ctx context.Context, cfg ingestConfig) (*target, error) {
	return startIngestPeer(ctx, cfg, "VictoriaLogs", cfg.VictoriaLogs, workload.Logs, "/insert/opentelemetry/v1/logs")
}

func startVictoriaMetrics(ctx context.Context, cfg ingestConfig) (*target, error) {
	t, err := startIngestPeer(ctx, cfg, "VictoriaMetrics", cfg.VictoriaMetrics, workload.Metrics, "/opentelemetry/v1/metrics")
	if t != nil {
		t.settle = func(ctx context.Context) error {
			_, flush := get(ctx, t.server, "/internal/force_flush", nil)
			_, merge := get(ctx, t.server, "/internal/force_merge", nil)
			return errors.Join(flush, merge)
		}
	}
	return t, err
}

// bytes is what the target has on disk by table, after it has settled.
func (t *target) bytes(ctx context.Context, cfg ingestConfig) (map[string]int64, error) {
	if t.settle != nil {
		if err := t.settle(ctx); err != nil {
			return nil, err
		}
		if _, err := subject.WaitIdle(ctx, t.server.Cmd.Process.Pid, cfg.IdleTimeout); err != nil {
			return nil, err
		}
	}
	return t.disk(t.server.DataDir)
}

// startCollector starts bench/peers/collector, which takes every signal and
// keeps it in an engine like ours.
func startCollector(ctx context.Context, cfg ingestConfig) (*target, error) {
	if cfg.Collector == "" {
		return nil, nil
	}
	addresses, err := subject.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s, err := startFreshPeer(ctx, cfg.Collector, "-otlpListenAddr", addresses[0])
	if err != nil {
		return nil, err
	}
	connect := func(signal workload.Signal) ([]load.Export, func() error, error) {
		return load.HTTP(cfg.Connections, addresses[0], signal, cfg.Compression), func() error { return nil }, nil
	}
	return &target{name: "clickhouseexporter", server: s, signals: cfg.Signals, connect: connect, disk: subject.TableBytes}, nil
}

// startIngestPeer starts a peer for the one signal it takes; nil without a
// binary, or when the signal is not asked for.
func startIngestPeer(ctx context.Context, cfg ingestConfig, name, binary string, signal workload.Signal, path string) (*target, error) {
	if binary == "" || !slices.Contains(cfg.Signals, signal) {
		return nil, nil
	}
	s, err := startFreshPeer(ctx, binary, "-retentionPeriod", "10y")
	if err != nil {
		return nil, err
	}
	connect := func(workload.Signal) ([]load.Export, func() error, error) {
		return load.ExportsTo(cfg.Connections, "http://"+s.HTTPAddr+path, cfg.Compression), func() error { return nil }, nil
	}
	disk := func(dir string) (map[string]int64, error) {
		size, err := subject.FolderBytes(dir)
		return map[string]int64{"all": size}, err
	}
	return &target{name: name, server: s, signals: []workload.Signal{signal}, connect: connect, disk: disk}, nil
}

// startFreshPeer starts a peer on a directory of its own, which goes when it stops.
func startFreshPeer(ctx context.Context, binary string, args ...string) (*subject.Process, error) {
	dir, err := os.MkdirTemp("", "trefoil-bench-peer-")
	if err != nil {
		return nil, err
	}
	s, err := subject.StartPeer(ctx, binary, dir, args...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Temp = true
	return s, nil
}

func ingestAll(ctx context.Context, cfg ingestConfig, t *target) (results []signalResult, err error) {
	if _, err := subject.WaitIdle(ctx, t.server.Cmd.Process.Pid, 30*time.Second); err != nil {
		return nil, err
	}
	for _, signal := range t.signals {
		result, err := ingestSignal(ctx, cfg, t, signal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", signal, err)
		}
		results = append(results, *result)
	}
	return results, nil
}

func ingestSignal(ctx context.Context, cfg ingestConfig, t *target, signal workload.Signal) (*signalResult, error) {
	pid := t.server.Cmd.Process.Pid
	if cfg.WarmUp > 0 {
		fmt.Fprintf(os.Stderr, "%s: %s: warming up with %d records\n", t.name, signal, cfg.WarmUp)
		if _, _, err := sendSome(ctx, cfg, t, signal, cfg.WarmUp, cfg.Records, 1, 0, nil); err != nil {
			return nil, err
		}
		if _, err := subject.WaitIdle(ctx, pid, cfg.IdleTimeout); err != nil {
			return nil, err
		}
	}
	diskBefore, err := t.bytes(ctx, cfg)
	if err != nil {
		return nil, err
	}
	before, err := subject.UsageOf(pid)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: %s: sending %d records over %d connections\n", t.name, signal, cfg.Records, cfg.Connections)
	requests, done, err := sendSome(ctx, cfg, t, signal, cfg.Records, 0, 0, 0, nil)
	if err != nil {
		return nil, err
	}
	acked, err := subject.UsageOf(pid)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: %s: waiting for merges\n", t.name, signal)
	idle, err := subject.WaitIdle(ctx, pid, cfg.IdleTimeout)
	if err != nil {
		return nil, err
	}
	after, err := subject.UsageOf(pid)
	if err != nil {
		return nil, err
	}
	diskAfter, err := t.bytes(ctx, cfg) // after the CPU was read: what is forced is not counted
	if err != nil {
		return nil, err
	}
	result := newSignalResult(t.name, signal, requests, done, before, acked, after, grown(diskBefore, diskAfter), idle)
	if cfg.Paced > 0 {
		rate := cfg.PacedRate
		if rate == 0 {
			rate = int(cfg.Paced * fullLoad(result))
		}
		fmt.Fprintf(os.Stderr, "%s: %s: sending %d records a second\n", t.name, signal, rate)
		if result.Paced, err = sendPaced(ctx, cfg, t, signal, rate); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// sendPaced sends at so many records a second.
func sendPaced(ctx context.Context, cfg ingestConfig, t *target, signal workload.Signal, rate int) (*pacedResult, error) {
	var before watch
	var failed error
	_, done, err := sendSome(ctx, cfg, t, signal, int(float64(rate)*cfg.PacedFor.Seconds()), 2*cfg.Records, 2, rate, func() { before, failed = look(ctx, t.server) })
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	after, err := look(ctx, t.server)
	if err != nil {
		return nil, err
	}
	return paced(rate, done, before, after), nil
}

// fullLoad is how many records a second the server could go on taking: what it
// acknowledged while its inserts fell behind, or, if that is less, what would
// keep all cores busy with the whole cost of a record.
func fullLoad(r *signalResult) float64 {
	return min(r.RecordsPerSecond, float64(runtime.NumCPU())*1e6/r.CPUPerMillion)
}

// sendSome sends so many records of their own, before the last ones by so many
// records of time; see load.All for the rate. ready, if there is one, is called before the first.
func sendSome(ctx context.Context, cfg ingestConfig, t *target, signal workload.Signal, records, before int, seed uint64, rate int, ready func()) ([]workload.Request, load.Sent, error) {
	requests, err := cfg.requests(signal, records, before, cfg.Seed+seed)
	if err != nil {
		return nil, load.Sent{}, err
	}
	exports, closeExports, err := t.connect(signal)
	if err != nil {
		return nil, load.Sent{}, err
	}
	if ready != nil {
		ready()
	}
	done, err := load.All(ctx, exports, requests, rate)
	return requests, done, errors.Join(err, closeExports())
}

// requests are so many records that end now, or so many records of time before:
// neither in the future nor beyond any retention.
func (cfg *ingestConfig) requests(signal workload.Signal, records, before int, seed uint64) ([]workload.Request, error) {
	span := map[workload.Signal]time.Duration{workload.Logs: time.Millisecond, workload.Spans: time.Millisecond / 2,
		workload.Metrics: 15 * time.Second / time.Duration(cfg.Series)}[signal]
	return workload.Generate(workload.Config{Signal: signal, Records: records, PerRequest: cfg.PerRequest, Series: cfg.Series,
		Seed: seed, Compression: cfg.Compression, Start: time.Now().Add(-time.Duration(records+before) * span).Truncate(time.Second)})
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
