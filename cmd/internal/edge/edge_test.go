package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// journal collects log lines of concurrent requests.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func serve(t *testing.T, cfg HTTPConfig) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(NewHTTP(cfg).Handler())
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestTenant(t *testing.T) {
	server := serve(t, HTTPConfig{Name: "api", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, string(tenant.FromContext(r.Context())))
	})})
	for header, want := range map[string]string{"": "default", "team-a": "team-a"} {
		h := http.Header{}
		if header != "" {
			h.Set(tenant.Header, header)
		}
		if _, body := get(t, server.URL, h); body != want {
			t.Errorf("header %q: tenant %q, want %q", header, body, want)
		}
	}
	resp, body := get(t, server.URL, http.Header{tenant.Header: {"a/b"}})
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"code":"bad_query"`) {
		t.Errorf("bad tenant: %s %s", resp.Status, body)
	}
	server = serve(t, HTTPConfig{Name: "api", Handler: http.NotFoundHandler(), Refuse: func(w http.ResponseWriter, r *http.Request, status int, code, message string) {
		w.WriteHeader(status)
		fmt.Fprint(w, r.URL.Path, " ", code, " ", message)
	}})
	resp, body = get(t, server.URL+"/loki", http.Header{tenant.Header: {"a/b"}})
	if resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(body, "/loki bad_query "+tenant.Header+" header: ") {
		t.Errorf("bad tenant, in a form of its own: %s %s", resp.Status, body)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	var logged journal
	registry := prometheus.NewRegistry()
	server := serve(t, HTTPConfig{Name: "api", Registerer: registry, Logger: slog.New(slog.NewJSONHandler(&logged, nil)),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/half" {
				io.WriteString(w, "half of")
				http.NewResponseController(w).Flush()
			}
			panic("boom")
		})})
	resp, body := get(t, server.URL, http.Header{RequestHeader: {"my-request"}})
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "my-request") || strings.Contains(body, "boom") {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp.Header.Get(RequestHeader) != "my-request" {
		t.Errorf("request ID %q was not echoed", resp.Header.Get(RequestHeader))
	}
	if text := logged.String(); !strings.Contains(text, "boom") || !strings.Contains(text, "edge_test.go") {
		t.Errorf("the log does not say what happened: %s", text)
	}
	resp, err := http.Get(server.URL + "/half")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looked whole")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	measured := map[string]uint64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			measured[family.GetName()] += m.GetHistogram().GetSampleCount() + uint64(m.GetGauge().GetValue())
		}
	}
	if measured["trefoil_request_duration_seconds"] != 2 || measured["trefoil_requests_running"] != 0 {
		t.Errorf("measured %v, want two requests and none running", measured)
	}
}

func TestRequestIDsFromOutsideAreHarmless(t *testing.T) {
	for given, kept := range map[string]bool{"abc-123": true, "": false, "a b": false, `a"b`: false, strings.Repeat("x", 65): false, "a\x1bb": false} {
		ctx, id := withRequestID(context.Background(), given)
		if (id == given) != kept || RequestID(ctx) != id || !harmless(id) {
			t.Errorf("%q became %q", given, id)
		}
	}
}

func TestBodyAndTimeLimits(t *testing.T) {
	server := serve(t, HTTPConfig{Name: "api", MaxBody: 10, Timeout: 50 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		<-r.Context().Done()
		io.WriteString(w, r.Context().Err().Error())
	})})
	resp, err := http.Post(server.URL, "text/plain", strings.NewReader("far more than ten bytes"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("large body: %s", resp.Status)
	}
	if _, body := get(t, server.URL, nil); body != context.DeadlineExceeded.Error() {
		t.Errorf("slow request: %q", body)
	}
}

func TestHTTPDrains(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	h := NewHTTP(HTTPConfig{Name: "api", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		io.WriteString(w, "done")
	})})
	listener, err := Listen(ListenConfig{Flag: "--http-addr", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Run(ctx, listener) }()
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-entered
	stop()
	time.Sleep(20 * time.Millisecond)
	if _, err := net.DialTimeout("tcp", listener.Addr().String(), time.Second); err == nil {
		t.Error("still accepting while draining")
	}
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the running request got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestHTTPCutsOffAfterTheDrain(t *testing.T) {
	entered := make(chan struct{})
	h := NewHTTP(HTTPConfig{Name: "api", DrainTimeout: 50 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})})
	listener, err := Listen(ListenConfig{Flag: "--http-addr", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Run(ctx, listener) }()
	go http.Get("http://" + listener.Addr().String())
	<-entered
	stop()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the stop hangs on a request that does not end")
	}
}

func TestListenErrors(t *testing.T) {
	listener, err := Listen(ListenConfig{Flag: "--http-addr", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = Listen(ListenConfig{Flag: "--http-addr", Addr: listener.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "--http-addr") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, ":1": false, "0.0.0.0:1": false, "x": false} {
		if Loopback(addr) != want {
			t.Errorf("Loopback(%q) = %t", addr, !want)
		}
	}
	for _, files := range []TLS{{CertFile: "a"}, {KeyFile: "b"}, {CertFile: "/none", KeyFile: "/none"}, {ClientCAFile: "c"}} {
		if _, err := files.Config(); err == nil {
			t.Errorf("%+v was accepted", files)
		}
	}
}

// oddService is a health service whose Check does what its argument says.
type oddService struct {
	healthpb.UnimplementedHealthServer
}

func (oddService) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	switch req.Service {
	case "panic":
		panic("boom")
	case "tenant":
		return nil, status.Error(codes.AlreadyExists, string(tenant.FromContext(ctx)))
	case "deadline":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return &healthpb.HealthCheckResponse{}, nil
}

func TestGRPC(t *testing.T) {
	var logged journal
	g := NewGRPC(GRPCConfig{Name: "otlp", MaxMessage: 1000, Timeout: 100 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&logged, nil)), Registerer: prometheus.NewRegistry()})
	description := healthpb.Health_ServiceDesc
	description.ServiceName = "odd.Service"
	g.Server.RegisterService(&description, oddService{})
	listener, err := Listen(ListenConfig{Flag: "--otlp-grpc-addr", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- g.Run(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call := func(service string, pairs ...string) error {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), pairs...), 5*time.Second)
		defer cancel()
		return conn.Invoke(ctx, "/odd.Service/Check", &healthpb.HealthCheckRequest{Service: service}, new(healthpb.HealthCheckResponse))
	}
	for name, tc := range map[string]struct {
		err  error
		code codes.Code
		text string
	}{
		"fine":         {call(""), codes.OK, ""},
		"panic":        {call("panic", "x-request-id", "mine"), codes.Internal, "request mine"},
		"no tenant":    {call("tenant"), codes.AlreadyExists, "default"},
		"tenant":       {call("tenant", "X-Scope-OrgID", "team-a"), codes.AlreadyExists, "team-a"},
		"bad tenant":   {call("tenant", "x-scope-orgid", "a/b"), codes.InvalidArgument, "X-Scope-OrgID"},
		"two tenants":  {call("tenant", "x-scope-orgid", "a", "x-scope-orgid", "b"), codes.InvalidArgument, "given 2 times"},
		"deadline":     {call("deadline"), codes.DeadlineExceeded, ""},
		"large":        {call(strings.Repeat("x", 2000)), codes.ResourceExhausted, ""},
		"health check": {conn.Invoke(context.Background(), "/grpc.health.v1.Health/Check", &healthpb.HealthCheckRequest{}, new(healthpb.HealthCheckResponse)), codes.OK, ""},
	} {
		if status.Code(tc.err) != tc.code || !strings.Contains(status.Convert(tc.err).Message(), tc.text) {
			t.Errorf("%s: got %v, want %s with %q", name, tc.err, tc.code, tc.text)
		}
	}
	if !strings.Contains(logged.String(), "boom") {
		t.Error("the panic was not logged")
	}
	stop()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no stop")
	}
}

func TestReadiness(t *testing.T) {
	h := NewHealth()
	var engineErr error = errors.New("starting")
	h.Add("engine", func() error { return engineErr })
	h.Add("schema", func() error { return nil })
	ask := func() (int, Readiness) {
		w := httptest.NewRecorder()
		h.Ready(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var answer Readiness
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return w.Code, answer
	}
	code, answer := ask()
	if code != http.StatusServiceUnavailable || answer.Ready || answer.Components[0] != (Component{"engine", false, "starting"}) || !answer.Components[1].Ready {
		t.Errorf("%d %+v", code, answer)
	}
	engineErr = nil
	if code, answer := ask(); code != http.StatusOK || !answer.Ready {
		t.Errorf("%d %+v", code, answer)
	}
	h.Drain()
	if code, answer := ask(); code != http.StatusServiceUnavailable || answer.Ready {
		t.Errorf("draining: %d %+v", code, answer)
	}
	w := httptest.NewRecorder()
	h.Live(w, nil)
	if w.Code != http.StatusOK {
		t.Errorf("draining is not dying: %d", w.Code)
	}
}

// HTTP/2 without TLS is taken too, and its answers can be flushed: gRPC needs both.
func TestHTTP2WithoutTLS(t *testing.T) {
	server := NewHTTP(HTTPConfig{Name: "test", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, flushes := w.(http.Flusher)
		fmt.Fprint(w, r.ProtoMajor, " ", flushes, " ", tenant.FromContext(r.Context()))
	})})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, listener) }()
	for version, want := range map[int]string{1: "1 true acme", 2: "2 true acme"} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == 1)
		protocols.SetUnencryptedHTTP2(version == 2)
		transport := &http.Transport{Protocols: protocols}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(tenant.Header, "acme")
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("HTTP/%d: %q, want %q; %v", version, body, want, err)
		}
		transport.CloseIdleConnections()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is refused before a handler sees it, a gRPC client on the port of HTTP reads as a
// status.
func TestRefusalsOfGRPC(t *testing.T) {
	server := NewHTTP(HTTPConfig{Name: "test", Logger: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tenant string
		code   codes.Code
		says   string
	}{{"a/b", codes.InvalidArgument, tenant.Header + " header: "}, {"acme", codes.Internal, "internal error; the log"}} {
		call := metadata.AppendToOutgoingContext(t.Context(), tenant.Header, c.tenant)
		err := conn.Invoke(call, "/any.Service/Call", &emptypb.Empty{}, &emptypb.Empty{})
		if s := status.Convert(err); s.Code() != c.code || !strings.Contains(s.Message(), c.says) {
			t.Errorf("tenant %s: %v, want %s with %q", c.tenant, err, c.code, c.says)
		}
	}
	conn.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestGRPCPingsTooOften is a client that keeps a connection awake beyond what the
// server allows.
func TestGRPCPingsTooOften(t *testing.T) {
	g := NewGRPC(GRPCConfig{Name: "otlp", Registerer: prometheus.NewRegistry()})
	listener, err := Listen(ListenConfig{Flag: "--otlp-grpc-addr", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- g.Run(ctx, listener) }()
	defer func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // two at once are forgiven
		if err := framer.WritePing(false, [8]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			if away.ErrCode != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("GOAWAY %v", away)
			}
			return
		}
	}
}
