package otlp

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporters are the SDK's own, for one transport.
type exporters struct {
	spans   sdktrace.SpanExporter
	metrics sdkmetric.Exporter
	logs    sdklog.Exporter
}

func grpcExporters(t *testing.T, ctx context.Context, s *stack) exporters {
	t.Helper()
	addr := s.client.Target()
	spans, err := otlptrace.New(ctx, otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip")))
	check(t, err)
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(addr), otlpmetricgrpc.WithInsecure())
	check(t, err)
	logs, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(addr), otlploggrpc.WithInsecure())
	check(t, err)
	return exporters{spans, metrics, logs}
}

func httpExporters(t *testing.T, ctx context.Context, s *stack) exporters {
	t.Helper()
	spans, err := otlptrace.New(ctx, otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(s.http+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression)))
	check(t, err)
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(s.http+"/v1/metrics"))
	check(t, err)
	logs, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(s.http+"/v1/logs"))
	check(t, err)
	return exporters{spans, metrics, logs}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSDK exports one trace with its log and its exemplar through the
// OpenTelemetry SDK, and finds them joined by the trace ID.
func TestSDK(t *testing.T) {
	s := newStack(t, "", 0)
	for name, connect := range map[string]func(*testing.T, context.Context, *stack) exporters{
		"sdk-grpc": grpcExporters, "sdk-http": httpExporters,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			traceID := emit(t, ctx, name, connect(t, ctx, s))
			compareLines(t, s, "SELECT formatRowNoNewline('CSV', name, kind, status_code, attributes, event_name) FROM spans WHERE lower(hex(trace_id)) = '"+traceID+"'",
				`"GET /cart",1,2,"{""http"":{""response"":{""status_code"":500}}}","['retry']"`)
			compareLines(t, s, "SELECT formatRowNoNewline('CSV', body, severity_number, attributes) FROM logs WHERE lower(hex(trace_id)) = '"+traceID+"'",
				`"payment refused",17,"{""attempt"":3}"`)
			compareLines(t, s, "SELECT formatRowNoNewline('CSV', metric_name, value) FROM exemplars WHERE lower(hex(trace_id)) = '"+traceID+"' ORDER BY metric_name",
				`"cart.requests",2`, `"cart.seconds",0.25`)
			ofService := "resource_id IN (SELECT resource_id FROM resources WHERE service_name = '" + name + "')"
			compareLines(t, s, "SELECT formatRowNoNewline('CSV', metric_name, type, temporality, monotonic, unit, arrayReduce('sum', value)) FROM samples JOIN series USING fingerprint WHERE "+ofService+" ORDER BY metric_name",
				`"cart.requests","sum","cumulative",true,"",2`, `"cart.size","gauge","unspecified",false,"",7`)
			compareLines(t, s, "SELECT formatRowNoNewline('CSV', metric_name, type, unit, point_count, point_sum, arraySum(point_counts)) FROM histograms JOIN series USING fingerprint WHERE "+ofService,
				`"cart.seconds","histogram","s",1,0.25,1`)
		})
	}
}

func compareLines(t *testing.T, s *stack, sql string, want ...string) {
	t.Helper()
	got := s.Lines(t, sql)
	if len(got) != len(want) {
		t.Errorf("%s\ngot %q\nwant %q", sql, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s\ngot  %s\nwant %s", sql, got[i], want[i])
		}
	}
}

// emit makes one span with everything that belongs to it, flushes, and
// returns its trace ID. Export errors fail the test.
func emit(t *testing.T, ctx context.Context, service string, e exporters) string {
	t.Helper()
	res := resource.NewSchemaless(attribute.String("service.name", service))
	tracers := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(e.spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e.metrics)))
	loggers := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(e.logs)))

	meter := meters.Meter("shop")
	requests, err := meter.Int64Counter("cart.requests")
	check(t, err)
	size, err := meter.Int64Gauge("cart.size")
	check(t, err)
	seconds, err := meter.Float64Histogram("cart.seconds", metric.WithUnit("s"))
	check(t, err)

	spanCtx, span := tracers.Tracer("shop").Start(ctx, "GET /cart")
	span.SetAttributes(attribute.Int("http.response.status_code", 500))
	span.AddEvent("retry")
	span.SetStatus(codes.Error, "boom")
	requests.Add(spanCtx, 2)
	seconds.Record(spanCtx, 0.25)
	size.Record(ctx, 7)
	var record log.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(log.SeverityError)
	record.SetBody(attribute.StringValue("payment refused"))
	record.AddAttributes(attribute.Int("attempt", 3))
	loggers.Logger("shop").Emit(spanCtx, record)
	span.End()

	check(t, tracers.Shutdown(ctx))
	check(t, meters.Shutdown(ctx))
	check(t, loggers.Shutdown(ctx))
	return span.SpanContext().TraceID().String()
}
