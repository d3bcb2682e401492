package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// now is fixed, so that limits on time are exact.
var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// recorder keeps how many rows each table was given.
type recorder map[string]int

func (r recorder) sink(_ context.Context, blocks []block.Block) error {
	for _, b := range blocks {
		r[b.Table] += b.Rows
	}
	return nil
}

func newPipeline(cfg ingest.Config) (*ingest.Pipeline, recorder) {
	rows := recorder{}
	cfg.Now = func() time.Time { return now }
	if cfg.Sink == nil {
		cfg.Sink = rows.sink
	}
	return ingest.New(cfg), rows
}

// store is the end of what was built.
func store(ctx context.Context) func(*ingest.Built, error) (ingest.Result, error) {
	return func(built *ingest.Built, err error) (ingest.Result, error) {
		if err != nil {
			return ingest.Result{}, err
		}
		return built.Store(ctx)
	}
}

func at(t time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(t) }

// want checks that exactly the expected reasons were given, once each.
func want(t *testing.T, r ingest.Result, err error, accepted int, reasons ...ingest.Reason) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != accepted || r.Rejected != len(reasons) || len(r.Rejections) != len(reasons) {
		t.Fatalf("accepted %d, rejected %d: %s", r.Accepted, r.Rejected, r.Message())
	}
	for i, j := range r.Rejections {
		if j.Reason != reasons[i] || j.Count != 1 || j.Example == "" {
			t.Errorf("rejection %d is %+v, want %s", i, j, reasons[i])
		}
	}
}

// quotas has the same limits for every tenant.
func quotas(l quota.Limits) *quota.Keeper {
	return quota.New(quota.Config{Defaults: l, Now: func() time.Time { return now }})
}

func TestLogsAreValidated(t *testing.T) {
	p, rows := newPipeline(ingest.Config{RetentionDays: 7, Limits: ingest.Limits{RecordBytes: 150}, Quotas: quotas(quota.Limits{Attributes: 3, AttributeBytes: 100})})
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	add := func(f func(plog.LogRecord)) {
		r := records.AppendEmpty()
		r.SetTimestamp(at(now))
		f(r)
	}
	oldest := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC) // the seventh day, today counted
	add(func(r plog.LogRecord) { r.SetTimestamp(at(oldest)) })
	add(func(r plog.LogRecord) { r.SetTimestamp(at(oldest) - 1) })
	add(func(r plog.LogRecord) { r.SetTimestamp(at(now.Add(24 * time.Hour))) })
	add(func(r plog.LogRecord) { r.SetTimestamp(at(now.Add(24*time.Hour)) + 1) })
	add(func(r plog.LogRecord) {
		for _, k := range []string{"a", "b", "c", "d"} {
			r.Attributes().PutInt(k, 1)
		}
	})
	add(func(r plog.LogRecord) { r.Attributes().PutStr("k", strings.Repeat("x", 100)) })
	add(func(r plog.LogRecord) { r.Body().SetStr(strings.Repeat("x", 151)) })
	add(func(r plog.LogRecord) { r.SetTimestamp(0) })
	result, err := store(t.Context())(otlpdata.Logs(p, "t", logs))
	want(t, result, err, 3, ingest.TimeTooOld, ingest.TimeAhead, ingest.TooManyAttributes, ingest.AttributeTooLarge, ingest.RecordTooLarge)
	if rows["logs"] != 3 || rows["resources"] != 3 {
		t.Errorf("rows %v, want 3 logs and a resource a day", rows)
	}
}

func TestBadResourceRejectsItsRecords(t *testing.T) {
	p, rows := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{Attributes: 1})})
	logs := plog.NewLogs()
	bad := logs.ResourceLogs().AppendEmpty()
	bad.Resource().Attributes().PutInt("a", 1)
	bad.Resource().Attributes().PutInt("b", 1)
	for range 2 {
		bad.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(at(now))
	}
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(at(now))
	result, err := store(t.Context())(otlpdata.Logs(p, "t", logs))
	if err != nil || result.Accepted != 1 || result.Rejected != 2 || rows["logs"] != 1 {
		t.Errorf("%+v %v %v", result, err, rows)
	}
	if m := result.Message(); m != "attribute_count: 2 rejected, first resourceLogs[0].scopeLogs[0].logRecords[0]: resource.attributes is 2, limit 1 (a limit of tenant \"t\")" {
		t.Error(m)
	}
}

func TestSpansAreValidated(t *testing.T) {
	p, rows := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{Attributes: 1})})
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	add := func(f func(ptrace.Span)) {
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{1})
		s.SetStartTimestamp(at(now))
		s.SetEndTimestamp(at(now))
		f(s)
	}
	add(func(s ptrace.Span) { s.SetEndTimestamp(at(now.Add(-time.Hour))) }) // ends before it starts: no duration
	add(func(s ptrace.Span) { s.SetEndTimestamp(0) })
	add(func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) })
	add(func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) })
	add(func(s ptrace.Span) { s.SetStartTimestamp(0) })
	add(func(s ptrace.Span) { s.SetEndTimestamp(math.MaxUint64) })
	add(func(s ptrace.Span) {
		e := s.Events().AppendEmpty().Attributes()
		e.PutInt("a", 1)
		e.PutInt("b", 1)
	})
	result, err := store(t.Context())(otlpdata.Traces(p, "t", traces))
	want(t, result, err, 2, ingest.TraceIDZero, ingest.SpanIDZero, ingest.TimeMissing, ingest.TimeAhead, ingest.TooManyAttributes)
	if rows["spans"] != 2 || rows["trace_index"] != 1 {
		t.Errorf("rows %v", rows)
	}
}

func TestPointsAreValidated(t *testing.T) {
	p, rows := newPipeline(ingest.Config{Limits: ingest.Limits{Buckets: 4}})
	metrics := pmetric.NewMetrics()
	list := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	gauge := func(name string, f func(pmetric.NumberDataPoint)) {
		m := list.AppendEmpty()
		m.SetName(name)
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(now))
		dp.SetDoubleValue(1)
		f(dp)
	}
	explicit := func(bounds []float64, counts []uint64) {
		m := list.AppendEmpty()
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		dp := m.Histogram().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(now))
		dp.ExplicitBounds().FromRaw(bounds)
		dp.BucketCounts().FromRaw(counts)
	}
	exponential := func(f func(pmetric.ExponentialHistogramDataPoint)) {
		m := list.AppendEmpty()
		m.SetName("x")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(now))
		f(dp)
	}
	ok := func(pmetric.NumberDataPoint) {}
	gauge("good", ok)
	gauge("", ok)
	gauge("bad\xff", ok)
	gauge("empty", func(dp pmetric.NumberDataPoint) { pmetric.NewNumberDataPoint().CopyTo(dp); dp.SetTimestamp(at(now)) })
	list.AppendEmpty().SetName("nothing in it")
	sum := list.AppendEmpty()
	sum.SetName("sum")
	sum.SetEmptySum().DataPoints().AppendEmpty().SetTimestamp(at(now))
	explicit([]float64{1, 2}, []uint64{1, 1, 1})
	explicit(nil, nil)
	explicit([]float64{1, 2}, []uint64{1, 1})
	explicit([]float64{1, 1}, []uint64{1, 1, 1})
	exponential(func(dp pmetric.ExponentialHistogramDataPoint) { dp.Positive().BucketCounts().FromRaw([]uint64{1, 2}) })
	exponential(func(dp pmetric.ExponentialHistogramDataPoint) { dp.SetScale(53) })
	summary := list.AppendEmpty()
	summary.SetName("s")
	q := summary.SetEmptySummary().DataPoints().AppendEmpty()
	q.SetTimestamp(at(now))
	q.QuantileValues().AppendEmpty().SetQuantile(1.01)

	result, err := store(t.Context())(otlpdata.Metrics(p, "t", metrics))
	want(t, result, err, 4, ingest.MetricNameEmpty, ingest.MetricNameInvalid, ingest.ValueMissing, ingest.TemporalityMissing,
		ingest.BucketCount, ingest.BoundsNotAscending, ingest.BucketsInvalid, ingest.QuantileInvalid)
	if rows["samples"] != 1 || rows["histograms"] != 3 || rows["series"] != 3 {
		t.Errorf("rows %v", rows)
	}
}

func TestResourcesAreSentOnceADay(t *testing.T) {
	p, rows := newPipeline(ingest.Config{})
	send := func(when time.Time) {
		logs := plog.NewLogs()
		rl := logs.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "a")
		rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(at(when))
		if _, err := store(t.Context())(otlpdata.Logs(p, "t", logs)); err != nil {
			t.Fatal(err)
		}
	}
	send(now)
	send(now.Add(time.Second))
	if rows["resources"] != 1 || rows["logs"] != 2 {
		t.Errorf("one day: %v", rows)
	}
	send(now.AddDate(0, 0, -1))
	if rows["resources"] != 2 || rows["scopes"] != 2 {
		t.Errorf("two days: %v", rows)
	}
}

func TestResourcesAreSentAgainAfterARefusal(t *testing.T) {
	rows := recorder{}
	fail := true
	p, _ := newPipeline(ingest.Config{Sink: func(ctx context.Context, blocks []block.Block) error {
		if fail {
			return &ingest.Refusal{Reason: ingest.RefusedUnavailable}
		}
		return rows.sink(ctx, blocks)
	}})
	for range 2 {
		logs := plog.NewLogs()
		logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(at(now))
		_, err := store(t.Context())(otlpdata.Logs(p, "t", logs))
		if fail != (err != nil) {
			t.Fatal(err)
		}
		fail = false
	}
	if rows["resources"] != 1 || rows["logs"] != 1 {
		t.Errorf("%v", rows)
	}
}

func TestAnyOtherSinkErrorIsARefusal(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Sink: func(context.Context, []block.Block) error { return errors.New("what now") }})
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(at(now))
	var refusal *ingest.Refusal
	if _, err := store(t.Context())(otlpdata.Logs(p, "t", logs)); !errors.As(err, &refusal) || refusal.Reason != ingest.RefusedUnavailable || refusal.RetryAfter <= 0 {
		t.Errorf("%v", err)
	}
}

func TestAdmission(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Limits: ingest.Limits{InflightBytes: 100}})
	a, b := p.Admit(), p.Admit()
	if err := a.Grow(60); err != nil {
		t.Fatal(err)
	}
	var refusal *ingest.Refusal
	if err := b.Grow(60); !errors.As(err, &refusal) || !refusal.Overload() {
		t.Errorf("over the budget of all: %v", err)
	}
	var large *ingest.TooLargeError
	if err := a.Grow(41); !errors.As(err, &large) || large.Got != 101 {
		t.Errorf("over the budget alone: %v", err)
	}
	a.Release()
	a.Release()
	if err := b.Grow(100); err != nil {
		t.Errorf("after release: %v", err)
	}
	b.Release()
	if err := p.Ready("t", 100); err != nil {
		t.Errorf("bytes leaked: %v", err)
	}
}

func TestTelemetryCounts(t *testing.T) {
	registry := prometheus.NewRegistry()
	p, _ := newPipeline(ingest.Config{Registerer: registry})
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty().SetTimestamp(at(now))
	records.AppendEmpty().SetTimestamp(1)
	if _, err := store(t.Context())(otlpdata.Logs(p, "t", logs)); err != nil {
		t.Fatal(err)
	}
	p.Refused(ingest.Traces, "malformed")
	for sample, want := range map[string]float64{
		`trefoil_ingest_records_accepted_total{signal="logs"}`:                       1,
		`trefoil_ingest_records_rejected_total{reason="time_too_old",signal="logs"}`: 1,
		`trefoil_ingest_requests_refused_total{reason="malformed",signal="traces"}`:  1,
	} {
		if got := counters(t, registry)[sample]; got != want {
			t.Errorf("%s is %v, want %v", sample, got, want)
		}
	}
}

// counters are the counters of r by their name and labels as /metrics shows them.
func counters(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			values[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue()
		}
	}
	return values
}
