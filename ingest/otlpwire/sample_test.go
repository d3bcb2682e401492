package otlpwire

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// testNow is the clock of the pipelines compared, so that what they make of a
// body does not depend on when.
var testNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func stamp(d time.Duration) pcommon.Timestamp { return pcommon.NewTimestampFromTime(testNow.Add(d)) }

func must(t testing.TB) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// everyKind puts an attribute of each kind into m, and one that nests.
func everyKind(m pcommon.Map) {
	m.PutStr("z.string", "käse \"quoted\"\n")
	m.PutStr("empty.string", "")
	m.PutBool("bool", true)
	m.PutInt("int", -1<<63)
	m.PutDouble("double", 0.1)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 255})
	m.PutEmpty("empty")
	m.PutStr("not utf8 \xff", "\xfe")
	s := m.PutEmptySlice("slice")
	s.AppendEmpty().SetInt(1)
	s.AppendEmpty().SetStr("two")
	s.AppendEmpty()
	s.AppendEmpty().SetEmptySlice().AppendEmpty().SetEmptyBytes().FromRaw([]byte("raw"))
	inner := m.PutEmptyMap("map")
	inner.PutBool("b", false)
	inner.PutEmptySlice("a").AppendEmpty().SetDouble(1.5)
	deep := inner.PutEmptyMap("deep")
	deep.PutEmptyMap("deeper").PutStr("\x01", "\x02")
	deep.PutEmpty("")
}

func fillResource(r pcommon.Resource) {
	everyKind(r.Attributes())
	r.Attributes().PutStr("service.name", "shop")
	r.SetDroppedAttributesCount(1)
}

func fillScope(s pcommon.InstrumentationScope) {
	s.SetName("lib")
	s.SetVersion("1.2.3")
	everyKind(s.Attributes())
	s.SetDroppedAttributesCount(2)
}

func sampleLogs(t testing.TB) []byte {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	fillResource(rl.Resource())
	rl.SetSchemaUrl("https://example.com/resource")
	sl := rl.ScopeLogs().AppendEmpty()
	fillScope(sl.Scope())
	sl.SetSchemaUrl("https://example.com/scope")
	full := sl.LogRecords().AppendEmpty()
	full.SetTimestamp(stamp(-time.Hour))
	full.SetObservedTimestamp(stamp(-time.Minute))
	full.SetSeverityNumber(plog.SeverityNumberError2)
	full.SetSeverityText("ERR")
	full.SetTraceID(pcommon.TraceID{1, 2, 3})
	full.SetSpanID(pcommon.SpanID{4, 5})
	full.SetFlags(257)
	full.SetEventName("checkout.failed")
	full.Body().SetStr("payment refused")
	full.SetDroppedAttributesCount(2)
	everyKind(full.Attributes())
	structured := sl.LogRecords().AppendEmpty()
	structured.SetObservedTimestamp(stamp(-24 * time.Hour))
	everyKind(structured.Body().SetEmptyMap())
	structured.SetSeverityNumber(99)
	sl.LogRecords().AppendEmpty()
	sl.LogRecords().AppendEmpty().SetTimestamp(1)
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetInt(-5)
	return must(t)(plogotlp.NewExportRequestFromLogs(logs).MarshalProto())
}

func sampleTraces(t testing.TB) []byte {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	fillResource(rs.Resource())
	ss := rs.ScopeSpans().AppendEmpty()
	fillScope(ss.Scope())
	full := ss.Spans().AppendEmpty()
	full.SetName("GET /cart")
	full.SetKind(ptrace.SpanKindServer)
	full.SetTraceID(pcommon.TraceID{1})
	full.SetSpanID(pcommon.SpanID{2})
	full.SetParentSpanID(pcommon.SpanID{3})
	full.TraceState().FromRaw("a=b,c=d")
	full.SetFlags(0x301)
	full.SetStartTimestamp(stamp(-time.Hour))
	full.SetEndTimestamp(stamp(-time.Minute))
	full.Status().SetCode(ptrace.StatusCodeError)
	full.Status().SetMessage("boom")
	full.SetDroppedAttributesCount(1)
	full.SetDroppedEventsCount(2)
	full.SetDroppedLinksCount(3)
	everyKind(full.Attributes())
	for range 3 {
		event := full.Events().AppendEmpty()
		event.SetName("exception")
		event.SetTimestamp(stamp(-time.Minute))
		everyKind(event.Attributes())
		event.SetDroppedAttributesCount(4)
		link := full.Links().AppendEmpty()
		link.SetTraceID(pcommon.TraceID{9})
		link.SetSpanID(pcommon.SpanID{9})
		link.TraceState().FromRaw("x=y")
		link.SetFlags(1)
		everyKind(link.Attributes())
		link.SetDroppedAttributesCount(5)
	}
	bare := ss.Spans().AppendEmpty()
	bare.SetTraceID(pcommon.TraceID{1})
	bare.SetSpanID(pcommon.SpanID{3})
	bare.SetStartTimestamp(stamp(-2 * time.Hour))
	bare.SetKind(77)
	bare.Status().SetCode(-1)
	ss.Spans().AppendEmpty().SetTraceID(pcommon.TraceID{1})
	return must(t)(ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto())
}

func sampleMetrics(t testing.TB) []byte {
	metrics := pmetric.NewMetrics()
	rm := metrics.ResourceMetrics().AppendEmpty()
	fillResource(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	fillScope(sm.Scope())
	fillNumbers(sm.Metrics())
	fillHistograms(sm.Metrics())
	summary := sm.Metrics().AppendEmpty()
	summary.SetName("gc.pause")
	q := summary.SetEmptySummary().DataPoints().AppendEmpty()
	q.SetTimestamp(stamp(-time.Hour))
	q.SetStartTimestamp(stamp(-2 * time.Hour))
	q.SetCount(10)
	q.SetSum(20)
	everyKind(q.Attributes())
	for _, v := range []float64{0.5, 0.99} {
		quantile := q.QuantileValues().AppendEmpty()
		quantile.SetQuantile(v)
		quantile.SetValue(v * 10)
	}
	gone := summary.Summary().DataPoints().AppendEmpty()
	gone.SetTimestamp(stamp(0))
	gone.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	sm.Metrics().AppendEmpty().SetName("nothing in it")
	sm.Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	return must(t)(pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto())
}

func fillNumbers(list pmetric.MetricSlice) {
	gauge := list.AppendEmpty()
	gauge.SetName("system.memory.usage")
	gauge.SetUnit("By")
	gauge.SetDescription("bytes in use")
	gauge.Metadata().PutStr("k", "v")
	for i := range 3 {
		g := gauge.Gauge()
		if i == 0 {
			g = gauge.SetEmptyGauge()
		}
		p := g.DataPoints().AppendEmpty()
		p.SetTimestamp(stamp(-time.Duration(i) * 24 * time.Hour))
		p.SetIntValue(1 << 40)
		p.Attributes().PutStr("state", "used")
	}
	ended := gauge.Gauge().DataPoints().AppendEmpty()
	ended.SetTimestamp(stamp(0))
	ended.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	gauge.Gauge().DataPoints().AppendEmpty().SetTimestamp(stamp(0)) // without a value

	sum := list.AppendEmpty()
	sum.SetName("http.requests")
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	s := sum.Sum().DataPoints().AppendEmpty()
	s.SetTimestamp(stamp(-time.Hour))
	s.SetStartTimestamp(stamp(-2 * time.Hour))
	s.SetDoubleValue(12.5)
	everyKind(s.Attributes())
	fillExemplars(s.Exemplars())
	list.AppendEmpty().SetName("no temporality")
	list.At(list.Len() - 1).SetEmptySum().DataPoints().AppendEmpty().SetTimestamp(stamp(0))
}

func fillExemplars(list pmetric.ExemplarSlice) {
	e := list.AppendEmpty()
	e.SetTimestamp(stamp(-time.Hour))
	e.SetTraceID(pcommon.TraceID{1})
	e.SetSpanID(pcommon.SpanID{2})
	e.SetIntValue(3)
	everyKind(e.FilteredAttributes())
	list.AppendEmpty().SetDoubleValue(0.5)
	list.AppendEmpty().SetTimestamp(stamp(0)) // without a value
}

func fillHistograms(list pmetric.MetricSlice) {
	histogram := list.AppendEmpty()
	histogram.SetName("http.server.duration")
	histogram.SetUnit("s")
	histogram.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h := histogram.Histogram().DataPoints().AppendEmpty()
	h.SetTimestamp(stamp(-time.Hour))
	h.SetStartTimestamp(stamp(-2 * time.Hour))
	h.SetCount(6)
	h.SetSum(7.5)
	h.SetMin(0.1)
	h.SetMax(4)
	h.ExplicitBounds().FromRaw([]float64{0.5, 1})
	h.BucketCounts().FromRaw([]uint64{1, 2, 3})
	everyKind(h.Attributes())
	fillExemplars(h.Exemplars())
	bare := histogram.Histogram().DataPoints().AppendEmpty() // count only
	bare.SetTimestamp(stamp(0))
	bare.SetCount(2)
	bare.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))

	exponential := list.AppendEmpty()
	exponential.SetName("rpc.size")
	exponential.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	x := exponential.ExponentialHistogram().DataPoints().AppendEmpty()
	x.SetTimestamp(stamp(-time.Hour))
	x.SetStartTimestamp(stamp(-2 * time.Hour))
	x.SetCount(9)
	x.SetSum(100)
	x.SetMin(-1)
	x.SetMax(50)
	x.SetScale(-3)
	x.SetZeroCount(1)
	x.SetZeroThreshold(1e-6)
	x.Positive().SetOffset(-2)
	x.Positive().BucketCounts().FromRaw([]uint64{1, 0, 400})
	x.Negative().SetOffset(5)
	x.Negative().BucketCounts().FromRaw([]uint64{3})
	x.Attributes().PutStr("b", "2")
	x.Attributes().PutStr("a", "1")
	fillExemplars(x.Exemplars())
}
