package shop

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/trefoil-o11y/trefoil/demo"

// service is one of the six: its resource, its SDK, its instruments.
type service struct {
	traces  *sdktrace.TracerProvider
	logs    *sdklog.LoggerProvider
	metrics *sdkmetric.MeterProvider

	tracer trace.Tracer
	logger log.Logger

	serverDuration   metric.Float64Histogram // explicit buckets
	databaseDuration metric.Float64Histogram // exponential buckets
	rpcDuration      metric.Float64Histogram
	counters         map[string]metric.Float64Counter
	gauges           map[string]metric.Float64Gauge
	levels           map[string]metric.Float64UpDownCounter
	texts            assistant
}

// queueSize holds what flushEvery requests can leave behind in one service.
const queueSize = 16384

func newService(name string, out *exporters, ids sdktrace.IDGenerator) (*service, error) {
	res, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", name), attribute.String("service.namespace", "shop"),
		attribute.String("service.version", "1.4.2"), attribute.String("service.instance.id", name+"-1"),
		attribute.String("deployment.environment.name", "demo"), attribute.String("host.name", "shop-node-1"),
		attribute.String("k8s.namespace.name", "shop"), attribute.String("k8s.pod.name", name+"-6f7c9d5b8-x2x7q"),
	))
	if err != nil {
		return nil, fmt.Errorf("resource of %s: %w", name, err)
	}
	s := &service{}
	s.traces = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithIDGenerator(ids), sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithBatcher(out.traces, sdktrace.WithBlocking(), sdktrace.WithBatchTimeout(flushInterval)))
	s.logs = sdklog.NewLoggerProvider(sdklog.WithResource(res),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(out.logs, sdklog.WithMaxQueueSize(queueSize), sdklog.WithExportInterval(flushInterval))))
	exponential := sdkmetric.NewView(sdkmetric.Instrument{Name: "db.client.operation.duration"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	s.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithView(exponential),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(out.metrics, sdkmetric.WithInterval(metricInterval))))
	s.tracer = s.traces.Tracer(scope, trace.WithInstrumentationVersion("1.0.0"))
	s.logger = s.logs.Logger(scope, log.WithInstrumentationVersion("1.0.0"))
	if err := s.instruments(); err != nil {
		return nil, fmt.Errorf("instruments of %s: %w", name, err)
	}
	if err := s.surroundings(name); err != nil {
		return nil, fmt.Errorf("instruments of %s: %w", name, err)
	}
	return s, nil
}

func (s *service) instruments() (err error) {
	meter := s.metrics.Meter(scope, metric.WithInstrumentationVersion("1.0.0"))
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	histogram := func(name, description string) metric.Float64Histogram {
		// Boundaries recommended by the semantic conventions.
		h, e := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10))
		keep(e)
		return h
	}
	s.serverDuration = histogram("http.server.request.duration", "Duration of HTTP server requests.")
	s.rpcDuration = histogram("rpc.server.call.duration", "Duration of incoming remote procedure calls.")
	s.databaseDuration = histogram("db.client.operation.duration", "Duration of database client operations.")

	counter := func(name, unit, description string) {
		c, e := meter.Float64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(e)
		s.counters[name] = c
	}
	gauge := func(name, unit, description string) {
		g, e := meter.Float64Gauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(e)
		s.gauges[name] = g
	}
	s.counters, s.gauges, s.levels = map[string]metric.Float64Counter{}, map[string]metric.Float64Gauge{}, map[string]metric.Float64UpDownCounter{}
	counter("shop.orders", "{order}", "Orders by outcome.")
	counter("shop.payments", "{payment}", "Card payments by outcome.")
	counter("shop.revenue", "EUR", "Money taken.")
	gauge("shop.inventory.stock", "{item}", "Items left of a product.")
	gauge("shop.queue.lag", "s", "How long the last message waited.")
	level, e := meter.Float64UpDownCounter("shop.cart.items", metric.WithUnit("{item}"), metric.WithDescription("Items in carts."))
	keep(e)
	s.levels["shop.cart.items"] = level
	texts, e := newAssistant(meter)
	keep(e)
	s.texts = texts
	return err
}

// emit sends a planned span and everything below it. base is the wall clock of
// offset zero; started maps planned spans to sent ones, for links.
func (sh *Shop) emit(ctx context.Context, base time.Time, s *span, started map[*span]trace.SpanContext) trace.SpanContext {
	from := sh.services[s.service]
	options := []trace.SpanStartOption{trace.WithTimestamp(base.Add(s.start)), trace.WithSpanKind(s.kind), trace.WithAttributes(s.attrs...)}
	if s.linked != nil {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: started[s.linked], Attributes: []attribute.KeyValue{attribute.String("app.link", "message")}}))
	}
	ctx, sent := from.tracer.Start(ctx, s.name, options...)
	started[s] = sent.SpanContext()
	for _, e := range s.events {
		sent.AddEvent(e.name, trace.WithTimestamp(base.Add(e.at)), trace.WithAttributes(e.attrs...))
	}
	for _, l := range s.logs {
		from.emitLog(ctx, base, l)
	}
	for _, child := range s.children {
		childCtx := ctx
		if child.service != s.service { // as a propagated header would arrive
			childCtx = trace.ContextWithRemoteSpanContext(context.Background(), sent.SpanContext())
		}
		sh.emit(childCtx, base, child, started)
	}
	if s.failure != "" {
		sent.SetStatus(codes.Error, s.failure)
	}
	from.measure(ctx, s)
	sent.End(trace.WithTimestamp(base.Add(s.end)))
	return sent.SpanContext()
}

func (s *service) emitLog(ctx context.Context, base time.Time, l line) {
	var record log.Record
	record.SetTimestamp(base.Add(l.at))
	record.SetObservedTimestamp(base.Add(l.at))
	record.SetSeverity(l.severity)
	record.SetSeverityText(l.severity.String())
	record.SetEventName(l.event)
	record.SetBody(l.body)
	record.AddAttributes(l.attrs...)
	s.logger.Emit(ctx, record)
}

// measure records what the span's instruments would have seen. ctx carries the
// span, so that the SDK keeps exemplars.
func (s *service) measure(ctx context.Context, sp *span) {
	seconds := (sp.end - sp.start).Seconds()
	switch {
	case sp.kind == trace.SpanKindServer && has(sp.attrs, "http.route"):
		if sp.service == frontend && has(sp.attrs, "app.product.id") && sp.failure == "" {
			s.texts.write(ctx, sp.end-sp.start)
		}
		s.serverDuration.Record(ctx, seconds, metric.WithAttributes(only(sp.attrs, "http.request.method", "http.route", "http.response.status_code")...))
	case sp.kind == trace.SpanKindServer:
		s.rpcDuration.Record(ctx, seconds, metric.WithAttributes(only(sp.attrs, "rpc.system.name", "rpc.method", "rpc.response.status_code")...))
	case sp.kind == trace.SpanKindClient && has(sp.attrs, "db.system.name"):
		s.databaseDuration.Record(ctx, seconds, metric.WithAttributes(only(sp.attrs, "db.system.name", "db.operation.name", "db.collection.name")...))
	}
	for _, c := range sp.counts {
		attrs := metric.WithAttributes(c.attrs...)
		if counter, ok := s.counters[c.instrument]; ok {
			counter.Add(ctx, c.value, attrs)
		} else if gauge, ok := s.gauges[c.instrument]; ok {
			gauge.Record(ctx, c.value, attrs)
		} else {
			s.levels[c.instrument].Add(ctx, c.value, attrs)
		}
	}
}

func has(attrs []attribute.KeyValue, key attribute.Key) bool {
	for _, a := range attrs {
		if a.Key == key {
			return true
		}
	}
	return false
}

func only(attrs []attribute.KeyValue, keys ...attribute.Key) []attribute.KeyValue {
	var kept []attribute.KeyValue
	for _, key := range keys {
		for _, a := range attrs {
			if a.Key == key {
				kept = append(kept, a)
			}
		}
	}
	return kept
}
