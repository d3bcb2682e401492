package metricexec

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var epoch = time.UnixMilli(1_700_000_000_000).UTC()

func at(d time.Duration) time.Time { return epoch.Add(d) }
func ms(d time.Duration) int64     { return at(d).UnixMilli() }

func instant(t *testing.T, e *Engine, expr string, when time.Time) promql.Vector {
	t.Helper()
	res, err := e.Instant(context.Background(), tenant.Default, expr, when)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	v, ok := res.Value.(promql.Vector)
	if !ok {
		t.Fatalf("%s: got a %s", expr, res.Value.Type())
	}
	return v
}

func single(t *testing.T, e *Engine, expr string, when time.Time) float64 {
	t.Helper()
	v := instant(t, e, expr, when)
	if len(v) != 1 {
		t.Fatalf("%s: got %d samples, want 1: %v", expr, len(v), v)
	}
	return v[0].F
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-4*math.Max(1, math.Abs(want)) }

// deltaShop holds a counter that sends a delta only when something happened.
func deltaShop() *memory {
	m := newMemory()
	fp := m.add(metricstore.SeriesRow{Name: "orders", PromName: "orders_total", Type: metricstore.Sum, Monotonic: true, Temporality: metricstore.Delta})
	for _, p := range []struct {
		at time.Duration
		v  float64
	}{{1 * time.Minute, 5}, {70 * time.Second, 3}, {10 * time.Minute, 7}, {21 * time.Minute, 1}} {
		m.sample(fp, ms(p.at), ms(p.at-10*time.Second), p.v)
	}
	return m
}

func TestRateAndIncreaseOfSparseDeltas(t *testing.T) {
	m := deltaShop()
	t.Run("memory", func(t *testing.T) { testSparseDeltas(t, New(Config{Source: m})) })
	t.Run("stored", func(t *testing.T) { testSparseDeltas(t, New(Config{Source: stored(t, m)})) })
}

func testSparseDeltas(t *testing.T, e *Engine) {
	for _, tt := range []struct {
		expr string
		at   time.Duration
		want float64
	}{
		{`increase(orders_total[5m])`, 2 * time.Minute, 8},
		{`increase(orders_total[5m])`, 12 * time.Minute, 7},
		{`increase(orders_total[1h])`, 30 * time.Minute, 16},
		{`rate(orders_total[10m])`, 10*time.Minute + 30*time.Second, 15.0 / 600},
		{`irate(orders_total[10m])`, 12 * time.Minute, 0.7},
		{`increase(orders_total[5m] offset 10m)`, 12 * time.Minute, 8},
		{`increase(orders_total[5m] @ 1700000120)`, time.Hour, 8},
		{`max_over_time(increase(orders_total[5m])[30m:1m])`, 30 * time.Minute, 8},
		{`sum_over_time(orders_total[1h])`, 30 * time.Minute, 16},
		{`orders_total`, 11 * time.Minute, 7},
	} {
		if got := single(t, e, tt.expr, at(tt.at)); !near(got, tt.want) {
			t.Errorf("%s at %s: got %g, want %g", tt.expr, tt.at, got, tt.want)
		}
	}
}

func TestIncreaseOfDeltasOverARange(t *testing.T) {
	e := New(Config{Source: deltaShop()})
	res, err := e.Range(context.Background(), tenant.Default, `increase(orders_total[5m])`, at(2*time.Minute), at(30*time.Minute), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[int64]float64{}
	for _, p := range res.Value.(promql.Matrix)[0].Floats {
		sums[p.T] = p.F
	}
	for when, want := range map[time.Duration]float64{2 * time.Minute: 8, 5 * time.Minute: 8, 7 * time.Minute: 0, 12 * time.Minute: 7, 22 * time.Minute: 1} {
		if got, ok := sums[ms(when)]; !ok || !near(got, want) {
			t.Errorf("at %s: got %g (%t), want %g", when, got, ok, want)
		}
	}
}

func TestDeltaHistograms(t *testing.T) {
	m := newMemory()
	explicit := m.add(metricstore.SeriesRow{Name: "latency", PromName: "latency_seconds", Unit: "s", Type: metricstore.Histogram, Temporality: metricstore.Delta})
	exponential := m.add(metricstore.SeriesRow{Name: "size", PromName: "size_bytes", Unit: "By", Type: metricstore.ExponentialHistogram, Temporality: metricstore.Delta})
	for i := range 20 {
		when := time.Duration(i+1) * time.Minute
		m.histogram(explicit, histcol.Point{Time: ms(when), Start: ms(when - time.Minute), Flags: histcol.HasSum, Count: 10, Sum: 5, Bounds: []float64{1, 2}, Counts: []uint64{6, 3, 1}})
		m.histogram(exponential, histcol.Point{Kind: histcol.KindExponential, Time: ms(when), Start: ms(when - time.Minute), Flags: histcol.HasSum, Count: 4, Sum: 8, Scale: 0, PositiveCounts: []uint64{1, 3}})
	}
	t.Run("memory", func(t *testing.T) { testDeltaHistograms(t, New(Config{Source: m})) })
	t.Run("stored", func(t *testing.T) { testDeltaHistograms(t, New(Config{Source: stored(t, m)})) })
}

func testDeltaHistograms(t *testing.T, e *Engine) {
	for expr, want := range map[string]float64{
		`increase(latency_seconds_bucket{le="1"}[5m])`:              30,
		`increase(latency_seconds_count[10m])`:                      100,
		`rate(latency_seconds_sum[5m])`:                             25.0 / 300,
		`histogram_quantile(0.5, rate(latency_seconds_bucket[5m]))`: 5.0 / 6,
		`histogram_count(increase(size_bytes[5m]))`:                 20,
		`histogram_sum(increase(size_bytes[5m]))`:                   40,
		`histogram_count(sum_over_time(size_bytes[5m]))`:            20,
		`histogram_fraction(0, 2, rate({"size"}[5m]))`:              0.25,
		`latency_seconds_bucket{le="+Inf"}`:                         10,
	} {
		if got := single(t, e, expr, at(15*time.Minute)); !near(got, want) {
			t.Errorf("%s: got %g, want %g", expr, got, want)
		}
	}
}

// A process that restarts has a new resource but, to PromQL, the same labels.
func TestRestartedSenderStaysOneSeries(t *testing.T) {
	m := newMemory()
	for i, pid := range []string{"100", "200"} {
		fp := m.add(metricstore.SeriesRow{Name: "jobs", PromName: "jobs_total", Type: metricstore.Sum, Monotonic: true, Resource: resource("worker", "", "", "process.pid", pid)})
		for k := range 10 {
			m.sample(fp, ms(time.Duration(i*10+k)*time.Minute), 0, float64(k))
		}
	}
	e := New(Config{Source: m})
	res, err := e.Instant(context.Background(), tenant.Default, `increase(jobs_total[20m])`, at(19*time.Minute+30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if v := res.Value.(promql.Vector); len(v) != 1 || v[0].F < 18 || v[0].F > 20 {
		t.Errorf("got %v, want one series of about 19", v)
	}
	if n := len(res.Annotations); n != 1 { // the info that increase is of a counter named so; no overlap
		for _, w := range res.Annotations {
			if strings.Contains(w.Error(), "share the labels") {
				t.Errorf("unexpected warning: %v", w)
			}
		}
	}
}

func TestSendersThatShareLabelsAreWarnedOf(t *testing.T) {
	m := newMemory()
	for _, pod := range []string{"a", "b"} {
		fp := m.add(metricstore.SeriesRow{Name: "jobs", PromName: "jobs_total", Type: metricstore.Sum, Monotonic: true, Resource: resource("worker", "", "", "k8s.pod.name", pod)})
		for k := range 10 {
			m.sample(fp, ms(time.Duration(k)*time.Minute), 0, float64(k))
		}
	}
	e := New(Config{Source: m})
	res, err := e.Instant(context.Background(), tenant.Default, `jobs_total`, at(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if warnings, _ := res.Annotations.AsStrings("", 0, 0); len(warnings) != 1 || !strings.Contains(warnings[0], "several senders share the labels") {
		t.Errorf("got warnings %q", warnings)
	}
	e = New(Config{Source: m, Promote: []string{"k8s.pod.name"}})
	if v := instant(t, e, `jobs_total`, at(5*time.Minute)); len(v) != 2 || v[0].Metric.Get("k8s_pod_name") == "" {
		t.Errorf("with the pod promoted: got %v", v)
	}
}

func TestLabelsOfAttributes(t *testing.T) {
	m := newMemory()
	fp := m.add(metricstore.SeriesRow{Name: "m", PromName: "m", Type: metricstore.Gauge,
		Labels:   map[string]string{"a.b": "1", "a_b": "2", "a-b": "0", "9x": "y", "job": "mine", "__name__": "n", "empty": ""},
		Resource: resource("s", "ns", "i")})
	m.sample(fp, ms(0), 0, 1)
	v := instant(t, New(Config{Source: m}), `m`, at(time.Second))
	const want = `{__name__="m", a_b="0;1;2", exported___name__="n", instance="i", job="mine", key_9x="y", service_name="s"}`
	if len(v) != 1 || v[0].Metric.String() != want {
		t.Errorf("got  %v\nwant %s", v, want)
	}
}

func TestErrorsAreTyped(t *testing.T) {
	s := newShop(t)
	small := New(Config{Source: s.memory, Limits: Limits{MaxSamples: 100}})
	few := New(Config{Source: s.memory, Limits: Limits{MaxSeries: 20}})
	big := New(Config{Source: s.memory})
	for _, tt := range []struct {
		engine *Engine
		expr   string
		code   fault.Code
		text   string
		line   int
		column int
	}{
		{big, "sum(rate(x[5m])", fault.BadQuery, "unclosed left parenthesis", 1, 16},
		{big, "sum(\n  rate(x))", fault.BadQuery, "expected type range vector", 2, 8},
		{big, "{}", fault.BadQuery, "at least one non-empty matcher", 1, 1},
		{big, "http_server_requests_total + on (instance) http_server_requests_total", fault.Execution, "many-to-many", 0, 0},
		{small, "http_server_requests_total[1h]", fault.Limit, "max_samples", 0, 0},
		{few, `{job=~".+",__name__=~".*_bucket"}`, fault.Limit, "max_series", 0, 0},
	} {
		_, err := tt.engine.Instant(context.Background(), tenant.Default, tt.expr, s.start.Add(30*time.Minute))
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != tt.code {
			t.Errorf("%s: got %v (%T), want %s", tt.expr, err, err, tt.code)
			continue
		}
		if !strings.Contains(f.Message, tt.text) && !strings.HasPrefix(f.Limit, tt.text) {
			t.Errorf("%s: got %q, want %q in it", tt.expr, f.Message, tt.text)
		}
		if tt.line > 0 && (f.Position == nil || *f.Position != fault.Position{Line: tt.line, Column: tt.column}) {
			t.Errorf("%s: got position %+v, want %d:%d", tt.expr, f.Position, tt.line, tt.column)
		}
	}
}

func TestCanceledAndTimedOut(t *testing.T) {
	s := newShop(t)
	e := New(Config{Source: s.memory})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := e.Instant(ctx, tenant.Default, "http_server_requests_total", s.start)
	if f := fault.Of(err); f == nil || f.Code != fault.Canceled {
		t.Errorf("canceled: got %v", err)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = e.Instant(ctx, tenant.Default, "http_server_requests_total", s.start)
	if f := fault.Of(err); f == nil || f.Code != fault.Timeout {
		t.Errorf("timed out: got %v", err)
	}
}

func TestMetadata(t *testing.T) {
	s := newShop(t)
	t.Run("memory", func(t *testing.T) { testMetadata(t, s, New(Config{Source: s.memory})) })
	t.Run("stored", func(t *testing.T) { testMetadata(t, s, New(Config{Source: stored(t, s.memory)})) })
}

func testMetadata(t *testing.T, s *shop, e *Engine) {
	ctx, from, to := context.Background(), s.start, s.start.Add(time.Hour)
	selectors, err := e.Parser().ParseMetricSelectors([]string{`{"http.server.request.duration_bucket", job="shop/cart"}`, `process_memory_usage_bytes`})
	if err != nil {
		t.Fatal(err)
	}
	series, err := e.Series(ctx, tenant.Default, selectors, from, to)
	if err != nil || len(series) != 7+3 {
		t.Errorf("series: got %d, %v; want 7 buckets and 3 gauges", len(series), err)
	}
	names, err := e.LabelNames(ctx, tenant.Default, selectors, from, to)
	if got := strings.Join(names, " "); err != nil || got != "__name__ http_route instance job le service_name" {
		t.Errorf("label names: got %q, %v", got, err)
	}
	values, err := e.LabelValues(ctx, tenant.Default, "__name__", nil, from, to)
	if got := strings.Join(values, " "); err != nil || got != "http_server_request_duration_seconds_bucket http_server_request_duration_seconds_count "+
		"http_server_request_duration_seconds_sum http_server_requests_total process_memory_usage_bytes rpc_client_duration_milliseconds" {
		t.Errorf("metric names: got %q, %v", got, err)
	}
	values, err = e.LabelValues(ctx, tenant.Default, "http.status_code", nil, from, to)
	if got := strings.Join(values, " "); err != nil || got != "200 404 500" {
		t.Errorf("values: got %q, %v", got, err)
	}
}
