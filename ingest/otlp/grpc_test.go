package otlp

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcencoding "google.golang.org/grpc/encoding"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// serveGRPC serves p on loopback and returns a connection to it. A health
// service stands for the others that share the server.
func serveGRPC(t testing.TB, p *ingest.Pipeline, opts ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	return serveGRPCWith(t, p, newReceiver(p), opts...)
}

func serveGRPCWith(t testing.TB, p *ingest.Pipeline, r *receiver, opts ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(append(serverOptions(p, r), opts...)...)
	RegisterGRPC(server, p, slog.New(slog.DiscardHandler))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	client, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestGRPCEverySignalAndCompression(t *testing.T) {
	client := serveGRPC(t, ingest.New(ingest.Config{Sink: discard}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	now := time.Now()
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}, {grpc.UseCompressor("zstd")}} {
		logs, err := plogotlp.NewGRPCClient(client).Export(ctx, plogotlp.NewExportRequestFromLogs(sampleLogs(now, "a")), opts...)
		if err != nil || logs.PartialSuccess().ErrorMessage() != "" {
			t.Errorf("logs: %v %q", err, logs.PartialSuccess().ErrorMessage())
		}
		metrics, err := pmetricotlp.NewGRPCClient(client).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(sampleMetrics(now, "a")), opts...)
		if err != nil || metrics.PartialSuccess().ErrorMessage() != "" {
			t.Errorf("metrics: %v %q", err, metrics.PartialSuccess().ErrorMessage())
		}
		traces, err := ptraceotlp.NewGRPCClient(client).Export(ctx, ptraceotlp.NewExportRequestFromTraces(badSpans(now)), opts...)
		if err != nil || traces.PartialSuccess().RejectedSpans() != 2 || traces.PartialSuccess().ErrorMessage() == "" {
			t.Errorf("traces: %v %d", err, traces.PartialSuccess().RejectedSpans())
		}
	}
	answer, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil || answer.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("another service on the same server: %v %v", answer, err)
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (rawCodec) Unmarshal(d mem.BufferSlice, v any) error { *v.(*[]byte) = d.Materialize(); return nil }

var _ grpcencoding.CodecV2 = rawCodec{}

func TestGRPCErrors(t *testing.T) {
	refuse := func(context.Context, []block.Block) error {
		return &ingest.Refusal{Reason: ingest.RefusedUnavailable, RetryAfter: 2 * time.Second}
	}
	client := serveGRPC(t, ingest.New(ingest.Config{Sink: refuse, Limits: ingest.Limits{DecodedBytes: 64 << 10, Records: 10}}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	body := must(t)(plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a")).MarshalProto())
	for name, c := range map[string]struct {
		body    []byte
		opts    []grpc.CallOption
		code    codes.Code
		message string
	}{
		"malformed":    {[]byte{0x0a, 9, 1}, nil, codes.InvalidArgument, "resource_logs[0] at byte 0: length 9"},
		"too large":    {make([]byte, 65<<10), nil, codes.ResourceExhausted, "larger than max"},
		"gzip bomb":    {make([]byte, 1<<20), []grpc.CallOption{grpc.UseCompressor("gzip")}, codes.ResourceExhausted, "after decompression larger than max"},
		"zstd bomb":    {make([]byte, 1<<20), []grpc.CallOption{grpc.UseCompressor("zstd")}, codes.ResourceExhausted, "after decompression larger than max"},
		"many records": {nest([]byte(strings.Repeat("\x12\x00", 11)), 1, 2), nil, codes.ResourceExhausted, "request is 11 records, over the limit of 10"},
		"refused":      {body, nil, codes.Unavailable, "retry after 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			var answer []byte
			err := client.Invoke(ctx, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", &c.body, &answer,
				append(c.opts, grpc.ForceCodecV2(rawCodec{}))...)
			st := status.Convert(err)
			if st.Code() != c.code || !strings.Contains(st.Message(), c.message) {
				t.Fatalf("got %v %q, want %v %q", st.Code(), st.Message(), c.code, c.message)
			}
			for _, d := range st.Details() {
				if info, ok := d.(*errdetails.RetryInfo); ok && (c.code != codes.Unavailable || info.RetryDelay.AsDuration() != 2*time.Second) {
					t.Errorf("retry info %v", info)
				}
			}
			if c.code == codes.Unavailable && len(st.Details()) != 1 {
				t.Errorf("details %v", st.Details())
			}
		})
	}
}

func TestGRPCTenantFromInterceptor(t *testing.T) {
	seen := make(chan tenant.ID, 1)
	p := ingest.New(ingest.Config{Sink: func(ctx context.Context, _ []block.Block) error {
		seen <- tenant.FromContext(ctx)
		return nil
	}})
	client := serveGRPC(t, p, grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(tenant.NewContext(ctx, "acme"), req)
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	if _, err := plogotlp.NewGRPCClient(client).Export(ctx, plogotlp.NewExportRequestFromLogs(logs)); err != nil {
		t.Fatal(err)
	}
	if id := <-seen; id != "acme" {
		t.Errorf("tenant %q", id)
	}
}
