package chaos

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// Every record carries its ID under this key, which is also its column path.
const idKey = "chaosid"

const (
	gaugeName     = "chaos.level"
	histogramName = "chaos.latency"
)

// export sends records with these IDs; nil means that they were acknowledged.
type export func(ctx context.Context, ids []uint64) error

// resourceOf changes every few thousand records, so that resources are new, and
// known, and new again all the time.
func resourceOf(id uint64) *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", "till"), attribute.Int64("chaos.round", int64(id/2000)))
}

// filler is text that does not compress to less than half.
func filler(bytes int) string {
	raw := make([]byte, bytes/2)
	for i := range raw {
		raw[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(raw)
}

// capture takes the records of a logger provider.
type capture struct{ records []sdklog.Record }

func (c *capture) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (c *capture) OnEmit(_ context.Context, r *sdklog.Record) error {
	c.records = append(c.records, r.Clone())
	return nil
}
func (c *capture) Shutdown(context.Context) error   { return nil }
func (c *capture) ForceFlush(context.Context) error { return nil }

func logExport(to sdklog.Exporter, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		c := &capture{}
		logger := sdklog.NewLoggerProvider(sdklog.WithResource(resourceOf(ids[0])), sdklog.WithProcessor(c)).Logger("chaos")
		for _, id := range ids {
			var r otellog.Record
			r.SetTimestamp(time.Now())
			r.SetSeverity(otellog.SeverityInfo)
			r.SetBody(attribute.StringValue("sold " + strconv.FormatUint(id, 10) + filler(size)))
			r.AddAttributes(attribute.Int64(idKey, int64(id)), attribute.String("till", "north"))
			logger.Emit(ctx, r)
		}
		return to.Export(ctx, c.records)
	}
}

func spanExport(to sdktrace.SpanExporter, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		stubs := make(tracetest.SpanStubs, len(ids))
		var traceID trace.TraceID
		binary.BigEndian.PutUint64(traceID[:], rand.Uint64())
		binary.BigEndian.PutUint64(traceID[8:], ids[0]+1)
		for i, id := range ids {
			var spanID trace.SpanID
			binary.BigEndian.PutUint64(spanID[:], id+1) // zero is not an ID
			end := time.Now()
			stubs[i] = tracetest.SpanStub{
				Name: "sell", SpanKind: trace.SpanKindServer, StartTime: end.Add(-time.Millisecond), EndTime: end,
				SpanContext:          trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled}),
				Attributes:           []attribute.KeyValue{attribute.Int64(idKey, int64(id)), attribute.String("filler", filler(size))},
				Resource:             resourceOf(id),
				InstrumentationScope: instrumentation.Scope{Name: "chaos"},
			}
		}
		return to.ExportSpans(ctx, stubs.Snapshots())
	}
}

// gaugeExport and histogramExport send a point each of many series: the ID is
// an attribute, so a point that is stored twice has no other reason.
func gaugeExport(to sdkmetric.Exporter, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		points := make([]metricdata.DataPoint[float64], len(ids))
		for i, id := range ids {
			points[i] = metricdata.DataPoint[float64]{Attributes: identified(id, size), Time: time.Now(), Value: float64(id)}
		}
		return to.Export(ctx, oneMetric(ids[0], gaugeName, metricdata.Gauge[float64]{DataPoints: points}))
	}
}

func histogramExport(to sdkmetric.Exporter, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		points := make([]metricdata.HistogramDataPoint[float64], len(ids))
		for i, id := range ids {
			now := time.Now()
			points[i] = metricdata.HistogramDataPoint[float64]{
				Attributes: identified(id, size), StartTime: now.Add(-time.Second), Time: now,
				Count: 3, Sum: 6, Bounds: []float64{1, 2}, BucketCounts: []uint64{1, 1, 1},
			}
		}
		return to.Export(ctx, oneMetric(ids[0], histogramName, metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: points}))
	}
}

func identified(id uint64, size int) attribute.Set {
	return attribute.NewSet(attribute.Int64(idKey, int64(id)), attribute.String("filler", filler(size)))
}

func oneMetric(first uint64, name string, data metricdata.Aggregation) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{Resource: resourceOf(first), ScopeMetrics: []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: "chaos"}, Metrics: []metricdata.Metrics{{Name: name, Data: data}},
	}}}
}
