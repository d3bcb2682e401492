package selftel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

func TestLogCarriesTheTrace(t *testing.T) {
	var out bytes.Buffer
	logger, err := NewLogger(LogConfig{Format: "json", Output: &out, Attrs: func(context.Context) []slog.Attr { return []slog.Attr{slog.String("request_id", "r1")} }})
	if err != nil {
		t.Fatal(err)
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	logger.With("component", "x").InfoContext(trace.ContextWithSpanContext(context.Background(), sc), "hello")
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"msg": "hello", "component": "x", "request_id": "r1",
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000"} {
		if record[key] != want {
			t.Errorf("%s is %v, want %s", key, record[key], want)
		}
	}
	out.Reset()
	logger.Debug("quiet")
	if out.Len() > 0 {
		t.Errorf("debug was logged: %s", &out)
	}
}

func TestLogMistakes(t *testing.T) {
	for _, cfg := range []LogConfig{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLogger(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// failing is a collector whose backend is away.
type failing struct{ desc *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.desc }
func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(f.desc, errors.New("away"))
}

func TestMetricsAreServedWithoutWhatFails(t *testing.T) {
	registry := NewRegistry(Build{Version: "1.2.3", Commit: "abc", GoVersion: "go1"})
	registry.MustRegister(failing{prometheus.NewDesc("broken", "x", nil, nil)})
	var logged bytes.Buffer
	w := httptest.NewRecorder()
	Handler(registry, slog.New(slog.NewTextHandler(&logged, nil))).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`trefoil_build_info{commit="abc",goversion="go1",version="1.2.3"} 1`, "go_goroutines", "process_open_fds"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in /metrics", want)
		}
	}
	if !strings.Contains(logged.String(), "away") {
		t.Errorf("the failure was not logged: %s", &logged)
	}
}

type counter struct {
	ptraceotlp.UnimplementedGRPCServer
	spans atomic.Int64
}

func (c *counter) Export(_ context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	c.spans.Add(int64(req.Traces().SpanCount()))
	return ptraceotlp.NewExportResponse(), nil
}

func TestOwnSpansLeave(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, received := grpc.NewServer(), &counter{}
	ptraceotlp.RegisterGRPCServer(server, received)
	go server.Serve(listener)
	defer server.Stop()
	tracing, err := NewTracing(context.Background(), TraceConfig{Endpoint: listener.Addr().String(), Ratio: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer("test").Start(context.Background(), "work")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := tracing.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if n := received.spans.Load(); n != 1 {
		t.Errorf("%d spans arrived, want 1", n)
	}
}

func TestNoEndpointNoSpans(t *testing.T) {
	tracing, err := NewTracing(context.Background(), TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer("test").Start(context.Background(), "work")
	if span.IsRecording() {
		t.Error("a span is recorded for nobody")
	}
	if err := tracing.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := NewTracing(context.Background(), TraceConfig{Endpoint: "x:1", Ratio: 2}); err == nil {
		t.Error("a ratio of 2 was accepted")
	}
}
