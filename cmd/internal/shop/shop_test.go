package shop

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // the shop counts them
	os.Exit(m.Run())
}

// receiver is an OTLP server that keeps everything.
type receiver struct {
	mu      sync.Mutex
	traces  []ptrace.Traces
	logs    []plog.Logs
	metrics []pmetric.Metrics
	tenants map[string]bool
	refuse  error
	slow    time.Duration // how long an export of logs takes
}

type traceServer struct {
	ptraceotlp.UnimplementedGRPCServer
	*receiver
}
type logServer struct {
	plogotlp.UnimplementedGRPCServer
	*receiver
}
type metricServer struct {
	pmetricotlp.UnimplementedGRPCServer
	*receiver
}

func (r *receiver) take(ctx context.Context, keep func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		for _, tenant := range md.Get("x-scope-orgid") {
			r.tenants[tenant] = true
		}
	}
	keep()
	return r.refuse
}

func (s *traceServer) Export(ctx context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), s.take(ctx, func() { s.traces = append(s.traces, req.Traces()) })
}

func (s *logServer) Export(ctx context.Context, req plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	time.Sleep(s.slow)
	return plogotlp.NewExportResponse(), s.take(ctx, func() { s.logs = append(s.logs, req.Logs()) })
}

func (s *metricServer) Export(ctx context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), s.take(ctx, func() { s.metrics = append(s.metrics, req.Metrics()) })
}

func receive(t *testing.T) (*receiver, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{tenants: map[string]bool{}}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, &traceServer{receiver: r})
	plogotlp.RegisterGRPCServer(server, &logServer{receiver: r})
	pmetricotlp.RegisterGRPCServer(server, &metricServer{receiver: r})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return r, listener.Addr().String()
}

func TestThreeSignalsArriveJoined(t *testing.T) {
	r, address := receive(t)
	var first trace.TraceID
	sh, err := New(Config{Endpoint: address, Tenant: "team-a", Rate: 2000, Duration: 1500 * time.Millisecond, Seed: 7, OnFirst: func(id trace.TraceID) { first = id }})
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	stats := sh.Stats()
	spans, services, errored := r.spans()
	if len(spans) != stats.Spans || stats.Spans == 0 {
		t.Errorf("receiver has %d spans, the shop counted %d", len(spans), stats.Spans)
	}
	if want := 2 * stats.Traces; stats.Spans < want {
		t.Errorf("%d spans for %d traces", stats.Spans, stats.Traces)
	}
	for _, name := range Services() {
		if !services[name] {
			t.Errorf("no span of %s", name)
		}
	}
	if errored == 0 || errored == len(spans) {
		t.Errorf("%d of %d spans are errors", errored, len(spans))
	}
	r.checkTrees(t, spans)
	r.checkLogs(t, spans, stats, pcommon.TraceID(first))
	r.checkMetrics(t, spans)
	if len(r.tenants) != 1 || !r.tenants["team-a"] {
		t.Errorf("tenants %v, want team-a alone", r.tenants)
	}
}

func (r *receiver) spans() (spans map[pcommon.SpanID]ptrace.Span, services map[string]bool, errored int) {
	spans, services = map[pcommon.SpanID]ptrace.Span{}, map[string]bool{}
	for _, td := range r.traces {
		for _, rs := range td.ResourceSpans().All() {
			name, _ := rs.Resource().Attributes().Get("service.name")
			services[name.Str()] = true
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					spans[s.SpanID()] = s
					if s.Status().Code() == ptrace.StatusCodeError {
						errored++
					}
				}
			}
		}
	}
	return spans, services, errored
}

func (r *receiver) checkTrees(t *testing.T, spans map[pcommon.SpanID]ptrace.Span) {
	now := time.Now()
	for _, s := range spans {
		if s.EndTimestamp() < s.StartTimestamp() || s.EndTimestamp().AsTime().After(now) {
			t.Fatalf("span %s runs from %s to %s, now is %s", s.Name(), s.StartTimestamp().AsTime(), s.EndTimestamp().AsTime(), now)
		}
		if s.ParentSpanID().IsEmpty() {
			continue
		}
		parent, ok := spans[s.ParentSpanID()]
		if !ok || parent.TraceID() != s.TraceID() {
			t.Fatalf("span %s has no parent in its trace", s.Name())
		}
		if s.StartTimestamp() < parent.StartTimestamp() {
			t.Fatalf("span %s starts before its parent %s", s.Name(), parent.Name())
		}
	}
}

func (r *receiver) checkLogs(t *testing.T, spans map[pcommon.SpanID]ptrace.Span, stats Stats, first pcommon.TraceID) {
	total, ofFirst := 0, 0
	for _, ld := range r.logs {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					total++
					s, ok := spans[record.SpanID()]
					if !ok || s.TraceID() != record.TraceID() {
						t.Fatalf("log record %q belongs to no span", record.Body().AsString())
					}
					if at := record.Timestamp(); at < s.StartTimestamp() || at > s.EndTimestamp() {
						t.Fatalf("log record %q was written outside its span", record.Body().AsString())
					}
					if record.TraceID() == first {
						ofFirst++
					}
				}
			}
		}
	}
	if total != stats.Logs || ofFirst < 3 {
		t.Errorf("%d log records (the shop counted %d), %d of the first trace", total, stats.Logs, ofFirst)
	}
}

func (r *receiver) checkMetrics(t *testing.T, spans map[pcommon.SpanID]ptrace.Span) {
	kinds, exemplars := map[pmetric.MetricType]bool{}, 0
	for _, md := range r.metrics {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					kinds[m.Type()] = true
					if m.Type() != pmetric.MetricTypeHistogram {
						continue
					}
					for _, point := range m.Histogram().DataPoints().All() {
						for _, e := range point.Exemplars().All() {
							exemplars++
							if s, ok := spans[e.SpanID()]; !ok || s.TraceID() != e.TraceID() {
								t.Fatalf("an exemplar of %s points at no span", m.Name())
							}
						}
					}
				}
			}
		}
	}
	for _, kind := range []pmetric.MetricType{pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram, pmetric.MetricTypeSum, pmetric.MetricTypeGauge} {
		if !kinds[kind] {
			t.Errorf("no metric of type %s", kind)
		}
	}
	if exemplars == 0 {
		t.Error("no exemplars")
	}
}

func TestSameSeedSameRun(t *testing.T) {
	names := func(seed uint64) string {
		p := newPlanner(seed, nil)
		var b strings.Builder
		var walk func(*span)
		walk = func(s *span) {
			b.WriteString(s.service + " " + s.name + " " + s.start.String() + " " + s.end.String() + " " + s.failure + "\n")
			for _, child := range s.children {
				walk(child)
			}
		}
		for range 50 {
			p.now = 0
			walk(p.request())
		}
		return b.String()
	}
	if first, again := names(3), names(3); first != again {
		t.Error("two runs of one seed differ")
	}
	if names(3) == names(4) {
		t.Error("runs of two seeds are alike")
	}
}

func TestBreakRaisesErrors(t *testing.T) {
	failed := func(broken map[string]float64) (n int) {
		p := newPlanner(1, broken)
		for range 1000 {
			p.now = 0
			if p.checkout().failure != "" {
				n++
			}
		}
		return n
	}
	usual := failed(nil)
	if usual == 0 || usual > 150 {
		t.Errorf("%d of 1000 checkouts fail on an ordinary day", usual)
	}
	for _, service := range []string{payment, inventory, checkout, frontend} {
		if n := failed(map[string]float64{service: 0.6}); n < 500 {
			t.Errorf("with %s broken at 0.6, %d of 1000 checkouts fail", service, n)
		}
	}
}

func TestRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		sh, err := New(Config{Endpoint: address, Protocol: protocol, Duration: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err = sh.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), "nothing listens at "+address) || time.Since(start) > 5*time.Second {
			t.Errorf("%s: after %s: %v", protocol, time.Since(start), err)
		}
	}
}

func TestReceiverRefuses(t *testing.T) {
	r, address := receive(t)
	r.refuse = status.Error(codes.PermissionDenied, "not for you")
	sh, err := New(Config{Endpoint: address, Duration: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = sh.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "does not take the telemetry") || !strings.Contains(err.Error(), "not for you") {
		t.Errorf("got %v", err)
	}
}

func TestRefusedLater(t *testing.T) {
	r, address := receive(t)
	sh, err := New(Config{Endpoint: address, Duration: 1500 * time.Millisecond, OnFirst: func(trace.TraceID) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refuse = status.Error(codes.InvalidArgument, "no more")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "exports were refused") {
		t.Errorf("got %v", err)
	}
}

// The run ends while an export is under way: the export is not cut short.
func TestEndWaitsForExport(t *testing.T) {
	r, address := receive(t)
	r.slow = 100 * time.Millisecond
	sh, err := New(Config{Endpoint: address, Rate: 20_000, Duration: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if stats := sh.Stats(); stats.Traces < flushEvery {
		t.Errorf("%d traces made: no flush was under way at the end", stats.Traces)
	}
}

func TestStopFlushes(t *testing.T) {
	r, address := receive(t)
	ctx, stop := context.WithCancel(context.Background())
	sh, err := New(Config{Endpoint: address, Rate: 100, OnFirst: func(trace.TraceID) { time.AfterFunc(300*time.Millisecond, stop) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	spans, _, _ := r.spans()
	traces := map[pcommon.TraceID]bool{}
	for _, s := range spans {
		traces[s.TraceID()] = true
	}
	if got, want := len(traces), sh.Stats().Traces; got != want || want < 10 {
		t.Errorf("%d traces arrived of %d made", got, want)
	}
}

func TestConfigMistakes(t *testing.T) {
	for name, cfg := range map[string]Config{
		"rate":        {Rate: -1},
		"service":     {Break: map[string]float64{"billing": 1}},
		"probability": {Break: map[string]float64{payment: 1.5}},
		"protocol":    {Protocol: "carrier pigeon"},
		"endpoint":    {Endpoint: "ftp://x"},
		"path":        {Endpoint: "http://x:1/v1/traces"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for text, want := range map[string]endpoint{
		"":                      {"127.0.0.1:4317", false},
		"collector":             {"collector:4317", false},
		"collector:9":           {"collector:9", false},
		"http://collector":      {"collector:4317", false},
		"https://collector:443": {"collector:443", true},
		"[::1]:4317":            {"[::1]:4317", false},
	} {
		if got, err := parseEndpoint(text, "grpc"); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
}

// waiting is an exporter whose receiver never answers.
type waiting struct{ sdkmetric.Exporter }

func (waiting) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	<-ctx.Done()
	return ctx.Err()
}

// A reader that is stopped gives up the export under way and sends its points again
// with its last one: nobody refused them. Somebody who never answers did.
func TestGivenUpIsNotRefused(t *testing.T) {
	var counts tally
	e := &metricExporter{waiting{}, &counts}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := e.Export(stopped, new(metricdata.ResourceMetrics)); !errors.Is(err, context.Canceled) || counts.read().FailedExports != 0 {
		t.Errorf("stopped: %v, %d refused", err, counts.read().FailedExports)
	}
	late, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	if err := e.Export(late, new(metricdata.ResourceMetrics)); !errors.Is(err, context.DeadlineExceeded) || counts.read().FailedExports != 1 {
		t.Errorf("too late: %v, %d refused", err, counts.read().FailedExports)
	}
}
