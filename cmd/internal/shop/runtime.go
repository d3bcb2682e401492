package shop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// What agents beside the services would measure: runtimes, the node, pods, and
// the model that writes product texts. Names are OpenTelemetry's conventions'.

// gauge is one of them: its points at a time, offset telling services apart.
type gauge struct {
	name, unit, description string
	points                  func(swing float64) []point
}

type point struct {
	value float64
	attrs []attribute.KeyValue
}

func one(value float64, attrs ...attribute.KeyValue) []point { return []point{{value, attrs}} }

const mib = 1 << 20

var (
	goRuntime = []gauge{
		{"go.goroutine.count", "{goroutine}", "Goroutines that exist.", func(x float64) []point { return one(math.Round(60 + 25*x)) }},
		{"go.memory.used", "By", "Memory the Go runtime uses.", func(x float64) []point {
			return []point{{(42 + 14*x) * mib, []attribute.KeyValue{attribute.String("go.memory.type", "other")}},
				{(3 + x) * mib, []attribute.KeyValue{attribute.String("go.memory.type", "stack")}}}
		}},
	}
	jvmRuntime = []gauge{
		{"jvm.memory.used", "By", "Memory in use.", func(x float64) []point {
			return []point{{(310 + 120*x) * mib, []attribute.KeyValue{attribute.String("jvm.memory.type", "heap"), attribute.String("jvm.memory.pool.name", "G1 Old Gen")}},
				{(96 + 4*x) * mib, []attribute.KeyValue{attribute.String("jvm.memory.type", "non_heap"), attribute.String("jvm.memory.pool.name", "Metaspace")}}}
		}},
		{"jvm.memory.limit", "By", "Memory that can be had.", func(float64) []point {
			return one(512*mib, attribute.String("jvm.memory.type", "heap"), attribute.String("jvm.memory.pool.name", "G1 Old Gen"))
		}},
		{"jvm.thread.count", "{thread}", "Platform threads that run.", func(x float64) []point { return one(math.Round(38 + 6*x)) }},
		{"jvm.cpu.recent_utilization", "1", "Share of the processors the JVM used of late.", func(x float64) []point { return one(0.3 + 0.2*x) }},
	}
	pod = []gauge{
		{"k8s.pod.cpu.usage", "{cpu}", "Processors the pod uses.", func(x float64) []point { return one(0.25 + 0.2*x) }},
		{"k8s.pod.memory.usage", "By", "Memory the pod uses.", func(x float64) []point { return one((180 + 60*x) * mib) }},
		{"k8s.container.restart.count", "{restart}", "How often the container was restarted.", func(float64) []point { return one(0) }},
	}
	node = []gauge{
		{"system.cpu.utilization", "1", "Share of time of the node's processors.", func(x float64) []point {
			user := 0.35 + 0.25*x
			return []point{{user, []attribute.KeyValue{attribute.String("cpu.mode", "user")}}, {0.08, []attribute.KeyValue{attribute.String("cpu.mode", "system")}},
				{0.92 - user, []attribute.KeyValue{attribute.String("cpu.mode", "idle")}}}
		}},
		{"system.memory.usage", "By", "Memory of the node by state.", func(x float64) []point {
			used := (5200 + 800*x) * mib
			return []point{{used, []attribute.KeyValue{attribute.String("system.memory.state", "used")}}, {8192*mib - used, []attribute.KeyValue{attribute.String("system.memory.state", "free")}}}
		}},
	}
)

// surroundings registers the gauges of a service: its pod's, its runtime's and,
// for the first of them, the node's.
func (s *service) surroundings(name string) error {
	gauges := append([]gauge{}, pod...)
	switch name {
	case payment, shipping:
		gauges = append(gauges, jvmRuntime...)
	default:
		gauges = append(gauges, goRuntime...)
	}
	if name == frontend {
		gauges = append(gauges, node...)
	}
	meter := s.metrics.Meter(scope, metric.WithInstrumentationVersion("1.0.0"))
	offset := float64(len(name))
	var all error
	for _, g := range gauges {
		_, err := meter.Float64ObservableGauge(g.name, metric.WithUnit(g.unit), metric.WithDescription(g.description),
			metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
				minutes := float64(time.Now().UnixMilli()) / float64(time.Minute.Milliseconds())
				for _, p := range g.points(math.Sin(minutes/3 + offset)) {
					o.Observe(p.value, metric.WithAttributes(p.attrs...))
				}
				return nil
			}))
		all = errors.Join(all, err)
	}
	if all != nil {
		return fmt.Errorf("surroundings: %w", all)
	}
	return nil
}

// assistant measures the model that writes the text of a product page.
type assistant struct {
	tokens   metric.Float64Histogram
	duration metric.Float64Histogram
}

func newAssistant(meter metric.Meter) (a assistant, err error) {
	a.tokens, err = meter.Float64Histogram("gen_ai.client.token.usage", metric.WithUnit("{token}"), metric.WithDescription("Tokens of a request to a model."),
		metric.WithExplicitBucketBoundaries(1, 4, 16, 64, 256, 1024, 4096, 16384))
	if err != nil {
		return a, err
	}
	a.duration, err = meter.Float64Histogram("gen_ai.client.operation.duration", metric.WithUnit("s"), metric.WithDescription("Duration of a request to a model."),
		metric.WithExplicitBucketBoundaries(.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48))
	return a, err
}

// write is one text; how long the page took decides which model and how much.
func (a assistant) write(ctx context.Context, took time.Duration) {
	model, speed := "tea-large", 1.0
	if took.Microseconds()%3 != 0 {
		model, speed = "tea-small", 0.35
	}
	common := []attribute.KeyValue{attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.provider.name", "teahouse"), attribute.String("gen_ai.request.model", model)}
	in, out := float64(180+took.Microseconds()%240), float64(40+took.Microseconds()%120)
	with := func(attrs ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(append(attrs, common...)...)
	}
	a.tokens.Record(ctx, in, with(attribute.String("gen_ai.token.type", "input")))
	a.tokens.Record(ctx, out, with(attribute.String("gen_ai.token.type", "output")))
	a.duration.Record(ctx, speed*(0.4+out/80), with())
}
