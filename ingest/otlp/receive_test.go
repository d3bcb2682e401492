package otlp

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const exportLogs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// slowly opens a request over gRPC and sends of its message what send is given.
func slowly(t *testing.T, ctx context.Context, client *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	stream, err := client.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, exportLogs, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// retryInfo is the delay that an answer tells, 0 for none.
func retryInfo(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration()
		}
	}
	return 0
}

// With the memory of requests used up, new ones are refused before they are
// read, and health checks are not.
func TestGRPCRefusedBeforeRead(t *testing.T) {
	p := ingest.New(ingest.Config{Sink: discard, Limits: ingest.Limits{InflightBytes: 1 << 20}})
	client := serveGRPC(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	adm := p.Admit()
	if err := adm.Grow(1 << 20); err != nil {
		t.Fatal(err)
	}
	stream := slowly(t, ctx, client) // never sends a byte of its message
	var answer []byte
	err := stream.RecvMsg(&answer)
	if status.Code(err) != codes.ResourceExhausted || retryInfo(err) != time.Second || !strings.Contains(err.Error(), "in flight") {
		t.Fatalf("%v, retry after %v", err, retryInfo(err))
	}
	if _, err := grpc_health_v1.NewHealthClient(client).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Error("health:", err)
	}
	adm.Release()
	if _, err := plogotlp.NewGRPCClient(client).Export(ctx, plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a"))); err != nil {
		t.Error("with memory free again:", err)
	}
}

// Requests that were let in while there was room, and then bring more than
// there is, are cut off; what they held is free again.
func TestGRPCReceivingIsBounded(t *testing.T) {
	const limit = 4 << 20
	p := ingest.New(ingest.Config{Sink: discard, Limits: ingest.Limits{InflightBytes: limit, DecodedBytes: limit}})
	r := newReceiver(p)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	client := serveGRPCWith(t, p, r)
	body := make([]byte, limit-1<<10)
	results := make(chan error, 6)
	for range cap(results) {
		stream := slowly(t, ctx, client)
		go func() {
			if err := stream.SendMsg(&body); err != nil {
				var answer []byte
				results <- stream.RecvMsg(&answer)
				return
			}
			stream.CloseSend()
			var answer []byte
			results <- stream.RecvMsg(&answer)
		}()
	}
	kinds := map[codes.Code]int{}
	for range cap(results) {
		kinds[status.Code(<-results)]++
	}
	if kinds[codes.Canceled]+kinds[codes.ResourceExhausted] == 0 {
		t.Errorf("24 MiB at once with room for 4: %v", kinds)
	}
	for code := range kinds {
		switch code {
		case codes.Canceled, codes.ResourceExhausted, codes.InvalidArgument: // what gets through is not OTLP
		default:
			t.Errorf("answered %v", kinds)
		}
	}
	opened := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.open
	}
	for opened() > 0 {
		if ctx.Err() != nil {
			t.Fatalf("%d requests are open, want none", opened())
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := plogotlp.NewGRPCClient(client).Export(ctx, plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a"))); err != nil {
		t.Error("afterwards:", err)
	}
	if n := r.held.Load(); n > 64<<10 {
		t.Errorf("%d bytes held by nobody", n)
	}
}

// A tenant over its rate is told so over both transports, before its request is
// read; another is served.
func TestQuotaOverBothTransports(t *testing.T) {
	p := ingest.New(ingest.Config{Sink: discard, Quotas: quota.New(quota.Config{Tenants: map[tenant.ID]quota.Limits{"acme": {RecordsPerSecond: 1}}})})
	client := serveGRPC(t, p)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := tenant.FromValues(r.Header.Values(tenant.Header))
		NewHTTP(p, slog.New(slog.DiscardHandler)).ServeHTTP(w, r.WithContext(tenant.NewContext(r.Context(), id)))
	}))
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request := plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a"))
	body := must(t)(request.MarshalProto())
	as := func(id string) context.Context { return metadata.AppendToOutgoingContext(ctx, "x-scope-orgid", id) }
	over := func(id string) *http.Response {
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, web.URL+"/v1/logs", strings.NewReader(string(body)))
		req.Header.Set("Content-Type", protobufType)
		req.Header.Set(tenant.Header, id)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	p.Arrived("acme", 1)
	quotaUsed := func() error { return p.Ready("acme", 0) }
	for quotaUsed() == nil {
		if res := over("acme"); res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
	}
	if res := over("acme"); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("http: %s %v", res.Status, res.Header)
	}
	_, err := plogotlp.NewGRPCClient(client).Export(as("acme"), request)
	if status.Code(err) != codes.ResourceExhausted || retryInfo(err) < time.Second || !strings.Contains(err.Error(), `tenant "acme" is over its limit of 1 records_per_second`) {
		t.Errorf("grpc: %v, retry after %v", err, retryInfo(err))
	}
	if res := over("other"); res.StatusCode != http.StatusOK {
		t.Errorf("another tenant: %s", res.Status)
	}
	if _, err := plogotlp.NewGRPCClient(client).Export(as("other"), request); err != nil {
		t.Errorf("another tenant: %v", err)
	}
}
