package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/cmd/internal/selftel"
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/lokipush"
	"github.com/trefoil-o11y/trefoil/ingest/otlp"
	"github.com/trefoil-o11y/trefoil/ingest/promwrite"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// How the ten seconds of a graceful stop are spent, in order; what is left is the
// database's.
const (
	drainTimeout = 3 * time.Second // requests under way
	flushTimeout = 2 * time.Second // accepted telemetry, own spans
)

// server is the whole program, wired from top to bottom:
//
//	listeners ─▶ edge ─▶ otlp ─▶ pipeline ─▶ wal ─▶ shipper ─▶ db ─▶ ClickHouse (embedded or not)
//	                 └─▶ query ─▶ stores ────────────────▲
//	                 └─▶ alerting ─▶ query, alert store ─┘
//
// Whatever is opened on the way down is closed on the way up, in closers.
type server struct {
	cfg      config
	build    selftel.Build
	log      *slog.Logger
	registry *prometheus.Registry
	tracing  *selftel.Tracing
	health   *edge.Health
	tls      *tls.Config

	listeners listeners
	backend   *backend.Backend
	spool     *spool // nil when nothing is taken in
	actors    run.Group
}

// listeners are opened first: a taken port is known before anything starts.
type listeners struct{ api, grpc, otlp net.Listener }

func (l *listeners) open(cfg *config) (err error) {
	if l.api, err = edge.Listen(edge.ListenConfig{Flag: "--http-addr", Addr: cfg.httpAddr, TLS: cfg.tls}); err != nil {
		return err
	}
	if !cfg.has(roleIngest) {
		return nil
	}
	if l.grpc, err = edge.Listen(edge.ListenConfig{Flag: "--otlp-grpc-addr", Addr: cfg.grpcAddr, TLS: cfg.tls}); err != nil {
		return err
	}
	l.otlp, err = edge.Listen(edge.ListenConfig{Flag: "--otlp-http-addr", Addr: cfg.otlpAddr, TLS: cfg.tls})
	return err
}

func (l *listeners) close() {
	for _, each := range []net.Listener{l.api, l.grpc, l.otlp} {
		if each != nil {
			each.Close()
		}
	}
}

func serve(ctx context.Context, build selftel.Build, cfg config) (err error) {
	s := &server{cfg: cfg, build: build, health: edge.NewHealth(), registry: selftel.NewRegistry(build)}
	if s.log, err = selftel.NewLogger(cfg.log); err != nil {
		return err
	}
	cfg.traces.Build, cfg.traces.Logger = build, s.log
	if s.tracing, err = selftel.NewTracing(ctx, cfg.traces); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(flushTimeout, s.tracing.Close)) }()
	if s.tls, err = cfg.tls.Config(); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := s.listeners.open(&cfg); err != nil {
		s.listeners.close()
		return err
	}
	defer s.listeners.close()

	if s.backend, err = backend.Open(ctx, backend.Config{
		Flags: cfg.Flags, Migrate: cfg.migrate,
		Limits: conn.Limits{MaxTime: cfg.queryTimeout, MaxRowsToRead: cfg.queryRows}, Logger: s.log, Registerer: s.registry, Health: s.health,
	}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.backend.Close()) }()
	return s.run(ctx)
}

// run wires the roles, serves until ctx ends and then stops in order: no new
// requests, what is accepted is stored, the database is closed.
func (s *server) run(ctx context.Context) (err error) {
	defer func() {
		if s.spool != nil {
			err = errors.Join(err, within(flushTimeout, s.spool.close))
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.health.Live)
	mux.HandleFunc("GET /readyz", s.health.Ready)
	mux.Handle("GET /metrics", selftel.Handler(s.registry, s.log))
	mux.Handle("GET /{$}", welcome{
		Version: s.build.Version, Query: s.cfg.has(roleQuery), Ingest: s.cfg.has(roleIngest), Alert: s.cfg.has(roleAlert),
		GRPC: addressOf(s.listeners.grpc), OTLP: s.scheme() + "://" + addressOf(s.listeners.otlp),
	})
	if err := s.addRoles(ctx, mux); err != nil {
		return err
	}
	s.addHTTP("api", mux, s.listeners.api, s.cfg.maxRequest)
	stop := make(chan struct{})
	s.actors.Add(func() error {
		select {
		case <-ctx.Done():
			s.log.Info("stopping")
			s.health.Drain()
		case <-stop:
		}
		return nil
	}, func(error) { close(stop) })

	if err := s.announce(); err != nil {
		return err
	}
	return s.actors.Run()
}

func (s *server) addRoles(ctx context.Context, mux *http.ServeMux) error {
	var pipeline *ingest.Pipeline
	if s.cfg.has(roleIngest) || s.cfg.has(roleAlert) { // rules record through it
		var err error
		if s.spool, err = openSpool(&s.cfg, s.backend, s.log, s.registry, s.health); err != nil {
			return err
		}
		quotas := s.newQuotas(s.registry)
		pipeline = s.newPipeline(quotas)
		mux.Handle("GET /api/v1/limits", quotas)
	}
	if s.cfg.has(roleIngest) {
		s.addDoors(pipeline)
		mux.Handle("POST /prometheus/api/v1/write", promwrite.NewHandler(pipeline, s.log))
		mux.Handle("POST /loki/api/v1/push", lokipush.NewHandler(pipeline, s.log))
		s.addActor(func(ctx context.Context) error {
			return packSamples(ctx, s.backend.DB, time.Duration(s.cfg.retentionDays)*24*time.Hour, s.log)
		})
	}
	if !s.cfg.has(roleQuery) {
		return nil
	}
	service, err := s.addQuery(ctx, mux)
	if err != nil || !s.cfg.has(roleAlert) {
		return err
	}
	return s.addAlerting(mux, service, pipeline)
}

// addActor runs a server or a loop that ends with its context.
func (s *server) addActor(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	s.actors.Add(func() error { return f(ctx) }, func(error) { cancel() })
}

func (s *server) addHTTP(name string, h http.Handler, l net.Listener, maxBody int64) {
	server := edge.NewHTTP(edge.HTTPConfig{
		Name: name, Handler: h, Refuse: refuse, TLS: s.tls, MaxBody: maxBody, Timeout: s.cfg.queryTimeout + 5*time.Second, DrainTimeout: drainTimeout,
		Logger: s.log, Registerer: s.registry, Tracer: s.tracing.Tracer(name),
	})
	s.addActor(func(ctx context.Context) error { return server.Run(ctx, l) })
}

// refuse answers in the error shape of the API that a request is for.
func refuse(w http.ResponseWriter, r *http.Request, _ int, code, message string) {
	query.WriteError(w, r.URL.Path, &fault.Error{Code: fault.Code(code), Message: message})
}

func (s *server) newPipeline(quotas *quota.Keeper) *ingest.Pipeline {
	return ingest.New(ingest.Config{
		Sink:          s.spool.sink(),
		Limits:        ingest.Limits{RequestBytes: s.cfg.maxRequest, DecodedBytes: 4 * s.cfg.maxRequest, InflightBytes: s.cfg.maxInflight},
		Quotas:        quotas,
		RetentionDays: uint16(s.cfg.retentionDays),
		Registerer:    s.registry, Logger: s.log,
	})
}

func (s *server) addDoors(pipeline *ingest.Pipeline) {
	rpc := edge.NewGRPC(edge.GRPCConfig{
		Name: "otlp-grpc", TLS: s.tls, DrainTimeout: drainTimeout, Options: otlp.ServerOptions(pipeline),
		Logger: s.log, Registerer: s.registry,
	})
	otlp.RegisterGRPC(rpc.Server, pipeline, s.log)
	s.addActor(func(ctx context.Context) error { return rpc.Run(ctx, s.listeners.grpc) })
	s.addHTTP("otlp-http", otlp.NewHTTP(pipeline, s.log), s.listeners.otlp, s.cfg.maxRequest)
}

// within runs a closing step under a deadline of its own.
func within(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}

// EndpointsFile tells other programs, tests among them, where a server with
// port 0 ended up listening.
const EndpointsFile = "endpoints.json"

func (s *server) endpointsPath() string { return filepath.Join(s.cfg.DataDir, EndpointsFile) }

func (s *server) scheme() string {
	if s.tls != nil {
		return "https"
	}
	return "http"
}

func (s *server) apiURL() string { return s.scheme() + "://" + s.listeners.api.Addr().String() }

// addressOf is where a listener listens, "" if it is none.
func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// announce prints where things are, for people, and writes it down, for
// programs.
func (s *server) announce() error {
	text, err := json.Marshal(map[string]string{
		"http": addressOf(s.listeners.api), "otlp_grpc": addressOf(s.listeners.grpc), "otlp_http": addressOf(s.listeners.otlp),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.endpointsPath(), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, l := range []net.Listener{s.listeners.api, s.listeners.grpc, s.listeners.otlp} {
		if l != nil && !edge.Loopback(l.Addr().String()) {
			s.log.Warn("listening beyond this machine without authentication", "address", l.Addr().String())
		}
	}
	api := s.apiURL()
	fmt.Println("Trefoil is ready.")
	if s.cfg.has(roleIngest) {
		fmt.Printf("\n  Send OTLP to   %s (gRPC), %s://%s (HTTP)\n", addressOf(s.listeners.grpc), s.scheme(), addressOf(s.listeners.otlp))
	}
	if s.cfg.has(roleQuery) {
		fmt.Printf("  Query at       %s/prometheus, %s/api/v1 (described in %s/openapi.yaml)\n", api, api, api)
	}
	fmt.Printf("  Its own health %s/readyz, %s/metrics\n", api, api)
	if s.cfg.has(roleIngest) && s.cfg.has(roleQuery) {
		fmt.Print("\nTry, in a second terminal:\n  bin/trefoil demo      sends a small shop's traces, logs and metrics, and says what to look at\n\n")
	}
	return nil
}
