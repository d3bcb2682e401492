// Command collector is an OpenTelemetry Collector with the contrib distribution's ClickHouse exporter, and the same
// embedded ClickHouse below it that Trefoil has: one process tree, as Trefoil is one, so that both are measured alike.
//
// It takes OTLP over HTTP on -otlpListenAddr, keeps everything below -storageDataPath and answers 200 to GET /health on
// -httpListenAddr once it takes data. The exporter makes its own tables with its own defaults, and batches in its
// sending queue as its documentation advises; a full queue blocks instead of dropping, for what is dropped costs nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/clickhouseexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// The engine lets its user own databases of this prefix.
const database = engine.Database + "_otel"

const configuration = `
receivers:
  otlp:
    protocols:
      http:
        endpoint: %s
exporters:
  clickhouse:
    endpoint: tcp://%s?dial_timeout=10s
    database: %s
    username: %s
    password: %s
    timeout: 60s
    sending_queue:
      block_on_overflow: true
      num_consumers: 2
      queue_size: 200
      batch:
        min_size: %d
        flush_timeout: 1s
service:
  telemetry:
    logs:
      level: warn
    metrics:
      level: none
  pipelines:
    logs: {receivers: [otlp], exporters: [clickhouse]}
    traces: {receivers: [otlp], exporters: [clickhouse]}
    metrics: {receivers: [otlp], exporters: [clickhouse]}
`

func main() {
	engine.MaybeChild()
	dir := flag.String("storageDataPath", "", "directory of the engine's data")
	health := flag.String("httpListenAddr", "127.0.0.1:0", "address of GET /health")
	otlp := flag.String("otlpListenAddr", "127.0.0.1:4318", "address that takes OTLP over HTTP")
	batch := flag.Int("batch", 10_000, "rows of an INSERT, at least")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *dir, *health, *otlp, *batch); err != nil {
		fmt.Fprintln(os.Stderr, "collector:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, health, otlp string, batch int) (err error) {
	host, err := engine.Start(ctx, engine.Config{DataDir: filepath.Join(dir, "engine"), Logger: slog.Default()})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		err = errors.Join(err, host.Stop(ctx))
	}()
	ep := host.Endpoint()
	path := filepath.Join(dir, "collector.yaml")
	text := fmt.Sprintf(configuration, otlp, ep.TCPAddr, database, ep.User, ep.Password, batch)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	collector, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo:               component.BuildInfo{Command: "collector", Description: "OpenTelemetry Collector with clickhouseexporter", Version: "bench"},
		Factories:               factories,
		DisableGracefulShutdown: true,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{"file:" + path}, ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}}},
	})
	if err != nil {
		return err
	}
	server := &http.Server{Addr: health, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			if collector.GetState() != otelcol.StateRunning {
				http.Error(w, collector.GetState().String(), http.StatusServiceUnavailable)
			}
		})}
	go func() { _ = server.ListenAndServe() }()
	defer server.Close()
	go func() { <-ctx.Done(); collector.Shutdown() }()
	return collector.Run(context.WithoutCancel(ctx))
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](clickhouseexporter.NewFactory())
	return otelcol.Factories{Receivers: receivers, Exporters: exporters, Telemetry: otelconftelemetry.NewFactory()}, err
}
