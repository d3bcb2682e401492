package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// GRPCConfig is one gRPC server. Name is required.
type GRPCConfig struct {
	Name string      // label of its metrics and logs
	TLS  *tls.Config // nil: plaintext

	MaxMessage   int           // bytes of a request, decompressed; default 64 MiB
	MaxStreams   uint32        // at once per connection; default 256
	Timeout      time.Duration // deadline of a call that has none, or a later one; default 2 min
	DrainTimeout time.Duration // how long a stop waits for running calls; default 8 s

	// Options come after the edge's own, so a service may set its codec or a
	// tighter message size.
	Options []grpc.ServerOption

	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: not measured
}

func (c *GRPCConfig) setDefaults() {
	if c.MaxMessage == 0 {
		c.MaxMessage = 64 << 20
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = 256
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 8 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// GRPC is a server with the edge's limits; services are registered on Server
// before Run.
type GRPC struct {
	Server *grpc.Server

	cfg     GRPCConfig
	metrics *requestMetrics
	health  *health.Server
}

// NewGRPC builds the server with the standard health and reflection services
// on it.
func NewGRPC(cfg GRPCConfig) *GRPC {
	cfg.setDefaults()
	g := &GRPC{cfg: cfg, metrics: newRequestMetrics(cfg.Registerer, cfg.Name), health: health.NewServer()}
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(cfg.MaxMessage),
		grpc.MaxConcurrentStreams(cfg.MaxStreams),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 2 * time.Minute, Timeout: 20 * time.Second, MaxConnectionIdle: 15 * time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(g.unary),
		grpc.StreamInterceptor(g.stream),
	}
	if cfg.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(cfg.TLS)))
	}
	g.Server = grpc.NewServer(append(options, cfg.Options...)...)
	healthpb.RegisterHealthServer(g.Server, g.health)
	reflection.Register(g.Server)
	return g
}

// Run serves until ctx ends, then refuses new calls, waits for running ones up
// to DrainTimeout and cuts the rest off. It returns nil after a clean stop.
func (g *GRPC) Run(ctx context.Context, listener net.Listener) error {
	for service := range g.Server.GetServiceInfo() {
		g.health.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)
	}
	done := make(chan error, 1)
	go func() { done <- g.Server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("edge: %s: %w", g.cfg.Name, err)
	case <-ctx.Done():
	}
	g.health.Shutdown()
	drained := make(chan struct{})
	go func() { g.Server.GracefulStop(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(g.cfg.DrainTimeout):
		g.cfg.Logger.Warn("calls were cut off by the stop", "server", g.cfg.Name, "waited", g.cfg.DrainTimeout)
		g.Server.Stop()
	}
	<-done
	return nil
}

func (g *GRPC) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	start := time.Now()
	ctx, err = g.admit(ctx)
	g.metrics.begin()
	defer func() { g.finish(ctx, info.FullMethod, start, recover(), &err) }()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	return handler(ctx, req)
}

// stream has no deadline of its own: the health service's watch is one.
func (g *GRPC) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	start := time.Now()
	ctx, err := g.admit(stream.Context())
	g.metrics.begin()
	defer func() { g.finish(ctx, info.FullMethod, start, recover(), &err) }()
	if err != nil {
		return err
	}
	return handler(srv, &contextStream{stream, ctx})
}

type contextStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *contextStream) Context() context.Context { return s.ctx }

// admit puts request ID, the caller's trace and the tenant into the context.
func (g *GRPC) admit(ctx context.Context) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	first := func(key string) string {
		if values := md.Get(key); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	ctx, _ = withRequestID(ctx, first(RequestHeader))
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": first("traceparent"), "tracestate": first("tracestate")})
	id, err := tenant.FromValues(md.Get(tenant.Header))
	if err != nil {
		return ctx, status.Errorf(codes.InvalidArgument, "%s metadata: %v", tenant.Header, err)
	}
	return tenant.NewContext(ctx, id), nil
}

// finish logs and measures a call, and turns a panic into an answer.
func (g *GRPC) finish(ctx context.Context, method string, start time.Time, cause any, err *error) {
	if cause != nil {
		g.cfg.Logger.ErrorContext(ctx, "panic", "server", g.cfg.Name, "method", method, "cause", cause, "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "internal error; the log has the details under request %s", RequestID(ctx))
	}
	code := status.Code(*err)
	g.metrics.end(code.String(), start)
	g.cfg.Logger.DebugContext(ctx, "call", "server", g.cfg.Name, "method", method, "code", code.String(), "took", time.Since(start))
}
