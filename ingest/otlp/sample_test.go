package otlp

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var (
	sampleTrace = pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	sampleSpan  = pcommon.SpanID{1, 2, 3, 4, 5, 6, 7, 8}
	parentSpan  = pcommon.SpanID{8, 7, 6, 5, 4, 3, 2, 1}
)

// everyKind puts an attribute of each kind into m.
func everyKind(m pcommon.Map) {
	m.PutStr("string", "käse \"quoted\"\n")
	m.PutStr("empty.string", "")
	m.PutBool("bool", true)
	m.PutInt("int", 1<<62+1)
	m.PutDouble("double", 0.1)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 255})
	m.PutEmpty("empty")
	s := m.PutEmptySlice("slice")
	s.AppendEmpty().SetInt(1)
	s.AppendEmpty().SetStr("two")
	inner := m.PutEmptyMap("map")
	inner.PutBool("b", false)
	inner.PutEmptySlice("a").AppendEmpty().SetDouble(1.5)
}

func fillResource(r pcommon.Resource, service string) {
	r.Attributes().PutStr("service.name", service)
	r.Attributes().PutStr("service.namespace", "shop")
	r.Attributes().PutStr("service.instance.id", "i-1")
	r.Attributes().PutInt("process.pid", 42)
	r.SetDroppedAttributesCount(1)
}

func fillScope(s pcommon.InstrumentationScope) {
	s.SetName("lib")
	s.SetVersion("1.2.3")
	s.Attributes().PutStr("lib.kind", "http")
}

// sampleLogs has three records: full, minimal, and one without any time.
func sampleLogs(now time.Time, service string) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	fillResource(rl.Resource(), service)
	rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.26.0")
	sl := rl.ScopeLogs().AppendEmpty()
	fillScope(sl.Scope())

	full := sl.LogRecords().AppendEmpty()
	full.SetTimestamp(pcommon.NewTimestampFromTime(now))
	full.SetObservedTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
	full.SetSeverityNumber(plog.SeverityNumberError2)
	full.SetSeverityText("ERR")
	full.SetTraceID(sampleTrace)
	full.SetSpanID(sampleSpan)
	full.SetFlags(1)
	full.SetEventName("checkout.failed")
	full.Body().SetStr("payment refused")
	full.SetDroppedAttributesCount(2)
	everyKind(full.Attributes())

	structured := sl.LogRecords().AppendEmpty()
	structured.SetObservedTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Second)))
	structured.Body().SetEmptyMap().PutInt("code", 7)

	sl.LogRecords().AppendEmpty()
	return logs
}

// sampleTraces has a span with everything and its bare parent.
func sampleTraces(now time.Time, service string) ptrace.Traces {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	fillResource(rs.Resource(), service)
	ss := rs.ScopeSpans().AppendEmpty()
	fillScope(ss.Scope())

	full := ss.Spans().AppendEmpty()
	full.SetName("GET /cart")
	full.SetKind(ptrace.SpanKindServer)
	full.SetTraceID(sampleTrace)
	full.SetSpanID(sampleSpan)
	full.SetParentSpanID(parentSpan)
	full.TraceState().FromRaw("a=b,c=d")
	full.SetFlags(0x301)
	full.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
	full.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(123 * time.Millisecond)))
	full.Status().SetCode(ptrace.StatusCodeError)
	full.Status().SetMessage("boom")
	full.SetDroppedAttributesCount(1)
	full.SetDroppedEventsCount(2)
	full.SetDroppedLinksCount(3)
	everyKind(full.Attributes())
	event := full.Events().AppendEmpty()
	event.SetName("exception")
	event.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
	event.Attributes().PutStr("exception.type", "IOError")
	event.SetDroppedAttributesCount(4)
	full.Events().AppendEmpty().SetName("second")
	link := full.Links().AppendEmpty()
	link.SetTraceID(pcommon.TraceID{9})
	link.SetSpanID(pcommon.SpanID{9})
	link.TraceState().FromRaw("x=y")
	link.SetFlags(1)
	link.Attributes().PutInt("n", 5)

	bare := ss.Spans().AppendEmpty()
	bare.SetName("root")
	bare.SetTraceID(sampleTrace)
	bare.SetSpanID(parentSpan)
	bare.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
	bare.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Second)))
	return traces
}

// sampleMetrics has one metric of each type: eight points in all.
func sampleMetrics(now time.Time, service string) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	fillResource(rm.Resource(), service)
	sm := rm.ScopeMetrics().AppendEmpty()
	fillScope(sm.Scope())
	at, start := pcommon.NewTimestampFromTime(now), pcommon.NewTimestampFromTime(now.Add(-time.Minute))

	gauge := sm.Metrics().AppendEmpty()
	gauge.SetName("system.memory.usage")
	gauge.SetUnit("By")
	gauge.SetDescription("bytes in use")
	g := gauge.SetEmptyGauge().DataPoints().AppendEmpty()
	g.SetTimestamp(at)
	g.SetIntValue(1 << 40)
	g.Attributes().PutStr("state", "used")
	ended := gauge.Gauge().DataPoints().AppendEmpty()
	ended.SetTimestamp(at)
	ended.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	ended.Attributes().PutStr("state", "gone")

	sum := sm.Metrics().AppendEmpty()
	sum.SetName("http.requests")
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	s := sum.Sum().DataPoints().AppendEmpty()
	s.SetTimestamp(at)
	s.SetStartTimestamp(start)
	s.SetDoubleValue(12.5)
	everyKind(s.Attributes())
	e := s.Exemplars().AppendEmpty()
	e.SetTimestamp(at)
	e.SetTraceID(sampleTrace)
	e.SetSpanID(sampleSpan)
	e.SetIntValue(3)
	e.FilteredAttributes().PutInt("user.id", 7)

	delta := sm.Metrics().AppendEmpty()
	delta.SetName("queue.delta")
	delta.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	d := delta.Sum().DataPoints().AppendEmpty()
	d.SetTimestamp(at)
	d.SetIntValue(-4)

	histogram := sm.Metrics().AppendEmpty()
	histogram.SetName("http.server.duration")
	histogram.SetUnit("s")
	histogram.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h := histogram.Histogram().DataPoints().AppendEmpty()
	h.SetTimestamp(at)
	h.SetStartTimestamp(start)
	h.SetCount(6)
	h.SetSum(7.5)
	h.SetMin(0.1)
	h.SetMax(4)
	h.ExplicitBounds().FromRaw([]float64{0.5, 1})
	h.BucketCounts().FromRaw([]uint64{1, 2, 3})
	e = h.Exemplars().AppendEmpty()
	e.SetTraceID(sampleTrace)
	e.SetDoubleValue(0.7)
	bare := histogram.Histogram().DataPoints().AppendEmpty() // count and sum only
	bare.SetTimestamp(at)
	bare.SetCount(2)
	bare.SetSum(3)
	bare.Attributes().PutStr("route", "/bare")

	exponential := sm.Metrics().AppendEmpty()
	exponential.SetName("rpc.size")
	exponential.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	x := exponential.ExponentialHistogram().DataPoints().AppendEmpty()
	x.SetTimestamp(at)
	x.SetStartTimestamp(start)
	x.SetCount(9)
	x.SetSum(100)
	x.SetScale(-3)
	x.SetZeroCount(1)
	x.SetZeroThreshold(1e-6)
	x.Positive().SetOffset(-2)
	x.Positive().BucketCounts().FromRaw([]uint64{1, 0, 4})
	x.Negative().SetOffset(5)
	x.Negative().BucketCounts().FromRaw([]uint64{3})

	summary := sm.Metrics().AppendEmpty()
	summary.SetName("gc.pause")
	q := summary.SetEmptySummary().DataPoints().AppendEmpty()
	q.SetTimestamp(at)
	q.SetCount(10)
	q.SetSum(20)
	for _, v := range []float64{0.5, 0.99} {
		quantile := q.QuantileValues().AppendEmpty()
		quantile.SetQuantile(v)
		quantile.SetValue(v * 10)
	}
	return metrics
}
