package shop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// endpoint is a checked Config.Endpoint.
type endpoint struct {
	host   string // host:port
	secure bool
}

func parseEndpoint(text, protocol string) (endpoint, error) {
	port := "4317"
	switch protocol {
	case "grpc":
	case "http/protobuf":
		port = "4318"
	default:
		return endpoint{}, fmt.Errorf("protocol %q is not grpc or http/protobuf", protocol)
	}
	if text == "" {
		return endpoint{host: "127.0.0.1:" + port}, nil
	}
	e := endpoint{host: text}
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return e, fmt.Errorf("endpoint %q is not host:port, http://host:port or https://host:port", text)
		}
		e.host, e.secure = u.Host, u.Scheme == "https"
	}
	if _, _, err := net.SplitHostPort(e.host); err != nil {
		e.host = net.JoinHostPort(strings.Trim(e.host, "[]"), port)
		if _, _, err := net.SplitHostPort(e.host); err != nil {
			return e, fmt.Errorf("endpoint %q is not host:port", text)
		}
	}
	return e, nil
}

// reach finds out early, and in plain words, that nobody listens.
func (e endpoint) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.host)
	switch {
	case err == nil:
		return conn.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s (connection refused); start it with 'trefoil serve', or say where to send with --endpoint", e.host)
	}
	return fmt.Errorf("cannot reach %s: %w", e.host, err)
}

// exporters send for all services; each counts what was acknowledged.
type exporters struct {
	traces  *spanExporter
	logs    *logExporter
	metrics *metricExporter
	conn    *grpc.ClientConn // nil over HTTP
}

func (e endpoint) exporters(ctx context.Context, protocol, tenant string, t *tally) (*exporters, error) {
	headers := map[string]string{}
	if tenant != "" {
		headers["X-Scope-OrgID"] = tenant
	}
	if protocol == "grpc" {
		return e.grpcExporters(ctx, headers, t)
	}
	return e.httpExporters(ctx, headers, t)
}

func (e endpoint) grpcExporters(ctx context.Context, headers map[string]string, t *tally) (*exporters, error) {
	creds := insecure.NewCredentials()
	if e.secure {
		creds = credentials.NewTLS(nil)
	}
	conn, err := grpc.NewClient(e.host, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	traces, err1 := otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithHeaders(headers), otlptracegrpc.WithTimeout(exportTimeout))
	logs, err2 := otlploggrpc.New(ctx, otlploggrpc.WithGRPCConn(conn), otlploggrpc.WithHeaders(headers), otlploggrpc.WithTimeout(exportTimeout))
	metrics, err3 := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(conn), otlpmetricgrpc.WithHeaders(headers), otlpmetricgrpc.WithTimeout(exportTimeout))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &exporters{&spanExporter{traces, t}, &logExporter{logs, t}, &metricExporter{metrics, t}, conn}, nil
}

func (e endpoint) httpExporters(ctx context.Context, headers map[string]string, t *tally) (*exporters, error) {
	traceOpts := []otlptracehttp.Option{otlptracehttp.WithEndpoint(e.host), otlptracehttp.WithHeaders(headers), otlptracehttp.WithTimeout(exportTimeout)}
	logOpts := []otlploghttp.Option{otlploghttp.WithEndpoint(e.host), otlploghttp.WithHeaders(headers), otlploghttp.WithTimeout(exportTimeout)}
	metricOpts := []otlpmetrichttp.Option{otlpmetrichttp.WithEndpoint(e.host), otlpmetrichttp.WithHeaders(headers), otlpmetrichttp.WithTimeout(exportTimeout)}
	if !e.secure {
		traceOpts = append(traceOpts, otlptracehttp.WithInsecure())
		logOpts = append(logOpts, otlploghttp.WithInsecure())
		metricOpts = append(metricOpts, otlpmetrichttp.WithInsecure())
	}
	traces, err1 := otlptracehttp.New(ctx, traceOpts...)
	logs, err2 := otlploghttp.New(ctx, logOpts...)
	metrics, err3 := otlpmetrichttp.New(ctx, metricOpts...)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return &exporters{&spanExporter{traces, t}, &logExporter{logs, t}, &metricExporter{metrics, t}, nil}, nil
}

// close ends the shared exporters; the providers only flush.
func (e *exporters) close(ctx context.Context) error {
	err := errors.Join(e.traces.SpanExporter.Shutdown(ctx), e.logs.Exporter.Shutdown(ctx), e.metrics.Exporter.Shutdown(ctx))
	if e.conn != nil {
		err = errors.Join(err, e.conn.Close())
	}
	return err
}

// tally counts what the receiver acknowledged and what it refused.
type tally struct {
	mu    sync.Mutex
	stats Stats
}

func (t *tally) note(err error, acknowledged func(*Stats)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.stats.FailedExports++
		t.stats.LastError = err
		return err
	}
	t.stats.Exports++
	acknowledged(&t.stats)
	return nil
}

func (t *tally) read() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// The three exporters below share one connection between six providers, whose
// shutdown must therefore not close it.

type spanExporter struct {
	sdktrace.SpanExporter
	tally *tally
}

func (e *spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return e.tally.note(e.SpanExporter.ExportSpans(ctx, spans), func(s *Stats) { s.Spans += len(spans) })
}

func (e *spanExporter) Shutdown(context.Context) error { return nil }

type logExporter struct {
	sdklog.Exporter
	tally *tally
}

func (e *logExporter) Export(ctx context.Context, records []sdklog.Record) error {
	return e.tally.note(e.Exporter.Export(ctx, records), func(s *Stats) { s.Logs += len(records) })
}

func (e *logExporter) Shutdown(context.Context) error { return nil }

type metricExporter struct {
	sdkmetric.Exporter
	tally *tally
}

func (e *metricExporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	metrics := 0
	for _, scope := range rm.ScopeMetrics {
		metrics += len(scope.Metrics)
	}
	err := e.Exporter.Export(ctx, rm)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err // nobody refused it: a reader that stops gives up what is under way, and sends it all once more
	}
	return e.tally.note(err, func(s *Stats) { s.Metrics += metrics })
}

func (e *metricExporter) Shutdown(context.Context) error { return nil }
