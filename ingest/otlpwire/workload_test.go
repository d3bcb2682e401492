package otlpwire

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// benchBodies are requests of 1,000 records each, like those of bench/: ten
// resource attributes, 200 records a resource, five to eight attributes a
// record, seven log records in ten with a trace, one span in twenty with an
// event, one point in five a histogram of 15 buckets.
func benchBodies(tb testing.TB, s ingest.Signal, histograms bool) [][]byte {
	g := &workload{rng: rand.New(rand.NewPCG(1, 0)), now: time.Now().Add(-time.Hour)}
	bodies := make([][]byte, 64)
	for i := range bodies {
		switch s {
		case ingest.Logs:
			bodies[i] = must(tb)(plogotlp.NewExportRequestFromLogs(g.logs()).MarshalProto())
		case ingest.Traces:
			bodies[i] = must(tb)(ptraceotlp.NewExportRequestFromTraces(g.traces()).MarshalProto())
		default:
			bodies[i] = must(tb)(pmetricotlp.NewExportRequestFromMetrics(g.metrics(i, histograms)).MarshalProto())
		}
	}
	return bodies
}

const (
	benchRecords   = 1000
	benchResources = 5
)

type workload struct {
	rng *rand.Rand
	now time.Time
}

var (
	services = []string{"accounts", "billing", "catalogue", "delivery", "gateway", "identity", "ledger", "mailer"}
	routes   = []string{"/", "/login", "/items", "/items/{id}", "/basket", "/orders", "/orders/{id}", "/search", "/profile", "/health"}
	methods  = []string{"GET", "GET", "GET", "POST", "PUT", "DELETE"}
)

func (g *workload) resource(r pcommon.Resource, number int) {
	service := services[number%len(services)]
	a := r.Attributes()
	a.PutStr("service.name", service)
	a.PutStr("service.namespace", "reference")
	a.PutStr("service.version", "2.4.1")
	a.PutStr("service.instance.id", fmt.Sprintf("7f3c1e2a-0000-4000-8000-%012d", number))
	a.PutStr("deployment.environment.name", "production")
	a.PutStr("host.name", fmt.Sprintf("node-%02d.example", number%12))
	a.PutStr("k8s.namespace.name", "reference")
	a.PutStr("k8s.pod.name", fmt.Sprintf("%s-5d9c7b8f6d-%05d", service, number))
	a.PutStr("cloud.region", "eu-central-1")
	a.PutStr("telemetry.sdk.language", "go")
}

func (g *workload) step(d time.Duration) pcommon.Timestamp {
	g.now = g.now.Add(d/2 + time.Duration(g.rng.Int64N(int64(d))))
	return pcommon.NewTimestampFromTime(g.now)
}

func (g *workload) traceID() (id pcommon.TraceID) {
	for i := range id {
		id[i] = byte(g.rng.Uint32())
	}
	return id
}

func (g *workload) spanID() (id pcommon.SpanID) {
	for i := range id {
		id[i] = byte(g.rng.Uint32())
	}
	return id
}

func (g *workload) pick(from []string) string { return from[g.rng.IntN(len(from))] }

func (g *workload) status() int64 {
	return []int64{200, 200, 200, 200, 200, 302, 404, 500}[g.rng.IntN(8)]
}

func (g *workload) address() string {
	return fmt.Sprintf("10.%d.%d.%d", g.rng.IntN(256), g.rng.IntN(256), g.rng.IntN(256))
}

func (g *workload) logs() plog.Logs {
	logs := plog.NewLogs()
	for i := range benchResources {
		rl := logs.ResourceLogs().AppendEmpty()
		g.resource(rl.Resource(), i)
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("reference/logger")
		for range benchRecords / benchResources {
			g.logRecord(sl.LogRecords().AppendEmpty())
		}
	}
	return logs
}

func (g *workload) logRecord(r plog.LogRecord) {
	r.SetTimestamp(g.step(time.Millisecond))
	r.SetObservedTimestamp(r.Timestamp() + 200_000)
	r.SetSeverityNumber(plog.SeverityNumberInfo)
	r.SetSeverityText("INFO")
	if g.rng.IntN(10) == 0 {
		r.SetSeverityNumber(plog.SeverityNumberWarn)
		r.SetSeverityText("WARN")
	}
	route, status, user, took := g.pick(routes), g.status(), fmt.Sprintf("u%06d", g.rng.IntN(20_000)), g.rng.ExpFloat64()*40
	r.Body().SetStr([]string{
		fmt.Sprintf("request %s answered with %d after %.1f ms", route, status, took),
		fmt.Sprintf("user %s loaded %d items from cache, %d from database", user, g.rng.IntN(50), g.rng.IntN(9)),
		fmt.Sprintf("retrying call to %s, attempt %d, last error: connection reset by peer", g.pick(services), g.rng.IntN(4)),
		fmt.Sprintf("session %08x refreshed for tenant-%d", g.rng.Uint32(), g.rng.IntN(300)),
	}[g.rng.IntN(4)])
	if g.rng.IntN(10) < 7 {
		r.SetTraceID(g.traceID())
		r.SetSpanID(g.spanID())
		r.SetFlags(1)
	}
	a := r.Attributes()
	a.PutStr("http.request.method", g.pick(methods))
	a.PutStr("http.route", route)
	a.PutInt("http.response.status_code", status)
	a.PutStr("user.id", user)
	a.PutDouble("duration_ms", took)
	extra := g.rng.IntN(4)
	if extra > 0 {
		a.PutStr("client.address", g.address())
	}
	if extra > 1 {
		a.PutStr("code.function.name", "handler."+g.pick(services))
	}
	if extra > 2 {
		a.PutBool("cache.hit", g.rng.IntN(3) > 0)
	}
}

func (g *workload) traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	for i := range benchResources {
		rs := traces.ResourceSpans().AppendEmpty()
		g.resource(rs.Resource(), i)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("reference/tracer")
		ss.Scope().SetVersion("1.0.0")
		for range benchRecords / benchResources / 8 {
			g.trace(ss.Spans())
		}
	}
	return traces
}

// trace is a server span and seven calls it made.
func (g *workload) trace(into ptrace.SpanSlice) {
	id, root, start := g.traceID(), g.spanID(), g.step(4*time.Millisecond)
	for i := range 8 {
		s := into.AppendEmpty()
		s.SetTraceID(id)
		s.SetStartTimestamp(start + pcommon.Timestamp(i*1e6))
		s.SetEndTimestamp(s.StartTimestamp() + pcommon.Timestamp(g.rng.IntN(5e7)))
		a := s.Attributes()
		if i == 0 {
			s.SetSpanID(root)
			s.SetName(g.pick(methods) + " " + g.pick(routes))
			s.SetKind(ptrace.SpanKindServer)
			a.PutStr("http.request.method", g.pick(methods))
			a.PutStr("http.route", g.pick(routes))
			a.PutInt("http.response.status_code", g.status())
			a.PutStr("url.path", fmt.Sprintf("%s?page=%d", g.pick(routes), g.rng.IntN(100)))
			a.PutStr("client.address", g.address())
			a.PutStr("user.id", fmt.Sprintf("u%06d", g.rng.IntN(20_000)))
			a.PutStr("network.protocol.version", "1.1")
			a.PutInt("http.response.body.size", g.rng.Int64N(100_000))
		} else {
			s.SetSpanID(g.spanID())
			s.SetParentSpanID(root)
			s.SetName("SELECT " + g.pick(services))
			s.SetKind(ptrace.SpanKindClient)
			a.PutStr("db.system.name", "postgresql")
			a.PutStr("db.namespace", "reference")
			a.PutStr("db.operation.name", "SELECT")
			a.PutStr("db.collection.name", g.pick(services))
			a.PutInt("db.response.returned_rows", g.rng.Int64N(200))
		}
		if g.rng.IntN(50) == 0 {
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage("upstream answered 500")
		}
		if g.rng.IntN(20) == 0 {
			event := s.Events().AppendEmpty()
			event.SetName("exception")
			event.SetTimestamp(s.StartTimestamp() + 1000)
			event.Attributes().PutStr("exception.type", "TimeoutError")
			event.Attributes().PutStr("exception.message", fmt.Sprintf("no answer within %d ms", g.rng.IntN(1000)))
		}
	}
}

// metrics are the points of 1,000 series of round i. With histograms, two
// series of ten are some.
func (g *workload) metrics(round int, histograms bool) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	at := pcommon.NewTimestampFromTime(g.now.Add(time.Duration(round) * 15 * time.Second))
	start := pcommon.NewTimestampFromTime(g.now)
	for i := range benchResources {
		rm := metrics.ResourceMetrics().AppendEmpty()
		g.resource(rm.Resource(), i)
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName("reference/meter")
		for series := range benchRecords / benchResources {
			m := sm.Metrics().AppendEmpty()
			switch kind := series % 10; {
			case kind < 5 || !histograms && kind > 7:
				m.SetName(fmt.Sprintf("reference.requests.%d", kind))
				m.SetUnit("{request}")
				m.SetEmptySum().SetIsMonotonic(true)
				m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				p := m.Sum().DataPoints().AppendEmpty()
				p.SetStartTimestamp(start)
				p.SetTimestamp(at)
				p.SetIntValue(int64(round*20) + g.rng.Int64N(20))
				g.point(p.Attributes(), series)
			case kind < 8:
				m.SetName(fmt.Sprintf("reference.level.%d", kind))
				m.SetUnit("By")
				p := m.SetEmptyGauge().DataPoints().AppendEmpty()
				p.SetTimestamp(at)
				p.SetDoubleValue(float64(1000*(series%97)) + float64(g.rng.IntN(1000))/4)
				g.point(p.Attributes(), series)
			default:
				m.SetName(fmt.Sprintf("reference.duration.%d", kind))
				m.SetUnit("s")
				m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				p := m.Histogram().DataPoints().AppendEmpty()
				p.SetStartTimestamp(start)
				p.SetTimestamp(at)
				g.histogram(p, uint64(round))
				g.point(p.Attributes(), series)
			}
		}
	}
	return metrics
}

func (g *workload) histogram(p pmetric.HistogramDataPoint, round uint64) {
	bounds := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	counts, total := make([]uint64, len(bounds)+1), uint64(0)
	for i := range counts {
		counts[i] = round*3 + g.rng.Uint64N(9)
		total += counts[i]
	}
	p.ExplicitBounds().FromRaw(bounds)
	p.BucketCounts().FromRaw(counts)
	p.SetCount(total)
	p.SetSum(float64(total) * 0.08)
	p.SetMin(0.0011)
	p.SetMax(4.2)
}

func (g *workload) point(a pcommon.Map, series int) {
	a.PutStr("http.request.method", methods[series/10%len(methods)])
	a.PutStr("http.route", routes[series/10%len(routes)])
	a.PutInt("http.response.status_code", []int64{200, 404, 500}[series/10%3])
	a.PutStr("server.address", "svc.example")
	a.PutStr("shard", fmt.Sprintf("s%05d", series))
	for i, key := range []string{"network.protocol.version", "url.scheme", "zone"} {
		if series/10%4 > i {
			a.PutStr(key, "v1")
		}
	}
}
