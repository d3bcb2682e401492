package edge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/codes"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// HTTPConfig is one HTTP server. Handler and Name are required.
type HTTPConfig struct {
	Name    string // api, otlp: label of its metrics and logs
	Handler http.Handler
	TLS     *tls.Config // nil: plain HTTP
	// Refuse answers instead of the handler, in the form clients of the request's
	// path read. gRPC's are answered with a status. Nil: the native API's document.
	Refuse Refuse

	MaxBody      int64         // bytes of a request body as sent; default 64 MiB
	Timeout      time.Duration // deadline of a request's context; default 2 min
	DrainTimeout time.Duration // how long a stop waits for running requests; default 8 s

	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: not measured
	Tracer     trace.Tracer          // nil: no spans of our own; a caller's trace still reaches the logs
}

// Refuse answers with a failure: an HTTP status, its class among the native API's
// error codes, and a sentence for people.
type Refuse func(w http.ResponseWriter, r *http.Request, status int, code, message string)

func (c *HTTPConfig) setDefaults() {
	if c.Refuse == nil {
		c.Refuse = writeError
	}
	if c.MaxBody == 0 {
		c.MaxBody = 64 << 20
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
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
}

// HTTP is a server with the edge's limits around a handler.
type HTTP struct {
	cfg    HTTPConfig
	server *http.Server
}

// NewHTTP builds the server. A handler that reads more than MaxBody gets an
// *http.MaxBytesError from the body.
func NewHTTP(cfg HTTPConfig) *HTTP {
	cfg.setDefaults()
	h := &HTTP{cfg: cfg}
	metrics := newRequestMetrics(cfg.Registerer, cfg.Name)
	handler := limits(cfg.MaxBody, cfg.Timeout, cfg.Handler)
	handler = withTenant(cfg.Refuse, handler)
	handler = observe(cfg, metrics, handler)
	h.server = &http.Server{
		Handler:           handler,
		TLSConfig:         cfg.TLS,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       cfg.Timeout,
		WriteTimeout:      cfg.Timeout + 10*time.Second, // room to say that time ran out
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		Protocols:         protocols(),
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return h
}

// protocols are HTTP/1 and 2, the latter without TLS too: gRPC on this port, as
// Grafana's Tempo source speaks it, comes so.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// Handler is the handler with everything around it, for tests.
func (h *HTTP) Handler() http.Handler { return h.server.Handler }

// Run serves until ctx ends, then stops accepting, waits for running requests
// up to DrainTimeout and cuts the rest off. It returns nil after a clean stop.
func (h *HTTP) Run(ctx context.Context, listener net.Listener) error {
	done := make(chan error, 1)
	go func() {
		if h.cfg.TLS != nil {
			done <- h.server.ServeTLS(listener, "", "")
			return
		}
		done <- h.server.Serve(listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("edge: %s: %w", h.cfg.Name, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.DrainTimeout)
	defer cancel()
	err := h.server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		h.cfg.Logger.Warn("requests were cut off by the stop", "server", h.cfg.Name, "waited", h.cfg.DrainTimeout)
		err = h.server.Close()
	}
	<-done
	if err != nil {
		return fmt.Errorf("edge: %s: stop: %w", h.cfg.Name, err)
	}
	return nil
}

// observe gives the request its ID and span, logs and measures it, and turns a
// panic into an answer.
func observe(cfg HTTPConfig, metrics *requestMetrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, id := withRequestID(r.Context(), r.Header.Get(RequestHeader))
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		ctx, span := cfg.Tracer.Start(ctx, r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer))
		w.Header().Set(RequestHeader, id)
		answer := &recorder{ResponseWriter: w}
		metrics.begin()
		defer func() {
			cause := recover()
			aborted := cause == http.ErrAbortHandler // the handler's own way to cut a stream off
			if cause != nil && !aborted {
				cfg.Logger.ErrorContext(ctx, "panic", "server", cfg.Name, "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
				if aborted = answer.status != 0; !aborted {
					cfg.Refuse.answer(answer, r, http.StatusInternalServerError, "internal", "internal error; the log has the details under request "+id)
				}
			}
			metrics.end(strconv.Itoa(answer.code()), start)
			cfg.Logger.DebugContext(ctx, "request", "server", cfg.Name, "method", r.Method, "path", r.URL.Path,
				"status", answer.code(), "bytes", answer.bytes, "took", time.Since(start), "remote", r.RemoteAddr)
			span.End()
			if aborted {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// withTenant puts the header's tenant into the context.
func withTenant(refuse Refuse, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := tenant.FromValues(r.Header.Values(tenant.Header))
		if err != nil {
			refuse.answer(w, r, http.StatusBadRequest, "bad_query", tenant.Header+" header: "+err.Error())
			return
		}
		next.ServeHTTP(w, r.WithContext(tenant.NewContext(r.Context(), id)))
	})
}

func limits(maxBody int64, timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// answer refuses a request. A gRPC client reads no document, but a status.
func (refuse Refuse) answer(w http.ResponseWriter, r *http.Request, httpStatus int, code, message string) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		refuse(w, r, httpStatus, code, message)
		return
	}
	status := codes.Internal
	if httpStatus < http.StatusInternalServerError {
		status = codes.InvalidArgument
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", strconv.Itoa(int(status)))
	w.Header().Set("Grpc-Message", url.PathEscape(message))
	w.WriteHeader(http.StatusOK)
}

// writeError answers with the native API's error document.
func writeError(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
	type document struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]document{"error": {code, message}})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and set deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush is for handlers that stream.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// requestMetrics measure one server; a nil registry makes them no-ops.
type requestMetrics struct {
	running  prometheus.Gauge
	duration *prometheus.HistogramVec
}

func newRequestMetrics(registerer prometheus.Registerer, server string) *requestMetrics {
	if registerer == nil {
		return nil
	}
	labels := prometheus.Labels{"server": server}
	m := &requestMetrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trefoil_requests_running", Help: "Requests being handled.", ConstLabels: labels}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trefoil_request_duration_seconds", Help: "Time from the request's head to the end of its answer.",
			ConstLabels: labels, Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"code"}),
	}
	registerer.MustRegister(m.running, m.duration)
	return m
}

func (m *requestMetrics) begin() {
	if m != nil {
		m.running.Inc()
	}
}

func (m *requestMetrics) end(code string, start time.Time) {
	if m != nil {
		m.running.Dec()
		m.duration.WithLabelValues(code).Observe(time.Since(start).Seconds())
	}
}
