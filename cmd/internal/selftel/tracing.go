package selftel

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// TraceConfig is where our own spans go.
type TraceConfig struct {
	Endpoint string  // OTLP over gRPC, host:port or URL; empty: no spans are made
	Ratio    float64 // of traces kept when the caller did not decide, 0 to 1
	Build    Build
	Logger   *slog.Logger
}

// Tracing makes tracers. Close it last, so that the final spans leave.
type Tracing struct {
	Provider trace.TracerProvider
	close    func(context.Context) error
}

// NewTracing does not connect yet; a receiver that is away costs a warning now
// and then, never a request. It sets the OpenTelemetry SDK's global error
// handler, the only way to hear of failed exports.
func NewTracing(ctx context.Context, cfg TraceConfig) (*Tracing, error) {
	if cfg.Endpoint == "" {
		return &Tracing{noop.NewTracerProvider(), func(context.Context) error { return nil }}, nil
	}
	if !(cfg.Ratio >= 0 && cfg.Ratio <= 1) {
		return nil, fmt.Errorf("own traces: ratio %g: want 0 to 1", cfg.Ratio)
	}
	options := []otlptracegrpc.Option{otlptracegrpc.WithTimeout(5 * time.Second)}
	if strings.Contains(cfg.Endpoint, "://") {
		options = append(options, otlptracegrpc.WithEndpointURL(cfg.Endpoint))
	} else {
		options = append(options, otlptracegrpc.WithEndpoint(cfg.Endpoint), otlptracegrpc.WithInsecure())
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("own traces: %w", err)
	}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "trefoil"), attribute.String("service.version", cfg.Build.Version)))
	if err != nil {
		return nil, fmt.Errorf("own traces: resource: %w", err)
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.Default()
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("own traces were not sent", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Ratio))))
	return &Tracing{provider, provider.Shutdown}, nil
}

// Tracer returns a tracer named after the package that uses it.
func (t *Tracing) Tracer(name string) trace.Tracer { return t.Provider.Tracer(name) }

// Close sends what is left until ctx ends.
func (t *Tracing) Close(ctx context.Context) error {
	if err := t.close(ctx); err != nil {
		return fmt.Errorf("own traces: %w", err)
	}
	return nil
}
