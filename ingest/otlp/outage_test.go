package otlp

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestOutageIsToldInTime sends to a stack whose ClickHouse takes connections
// and never answers, and whose log is too small for a request: the client
// hears so before its own deadline, with a delay after which to try again.
func TestOutageIsToldInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newStack(t, l.Addr().String(), 1)
	logs := plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "outage"))

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = plogotlp.NewGRPCClient(s.client).Export(ctx, logs)
	st := status.Convert(err)
	if st.Code() != codes.ResourceExhausted || !strings.Contains(st.Message(), "retry after") {
		t.Fatalf("gRPC: %v", err)
	}
	if info, ok := st.Details()[0].(*errdetails.RetryInfo); !ok || info.RetryDelay.AsDuration() <= 0 {
		t.Errorf("gRPC details %v", st.Details())
	}

	body := must(t)(logs.MarshalProto())
	resp, err := http.Post(s.http+"/v1/logs", protobufType, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("HTTP: %d after %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if m := statusOf(t, resp).Message; !strings.Contains(m, "log_full") {
		t.Error(m)
	}
}
