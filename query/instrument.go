package query

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const requestIDHeader = "X-Request-Id"

// record is what is found out about a request while it is answered.
type record struct{ failure *fault.Error }

type recordKey struct{}

// note keeps the failure of a request for its log line.
func note(ctx context.Context, f *fault.Error) {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		r.failure = f
	}
}

// cheap tells whether a route reads nothing, and so can answer however busy
// storage is.
func cheap(route string) bool {
	switch route {
	case "/openapi.yaml", "/api/v1/status", "/tempo/api/echo", "/tempo/ready", "/tempo/api/status/buildinfo",
		"/loki/api/v1/status/buildinfo", "/loki/api/v1/format_query", "/loki/api/v1/drilldown-limits",
		"/loki/api/v1/tail": // lasts, and has a bound of its own
		return true
	}
	for _, language := range []string{"/prometheus", "/metricsql"} {
		path, ok := strings.CutPrefix(route, language+"/api/v1/")
		if !ok {
			continue
		}
		switch path {
		case "status/buildinfo", "status/config", "status/flags", "status/runtimeinfo", "format_query", "parse_query":
			return true
		}
	}
	return false
}

// instrument gives every request of an API an id, a span, a slot among those
// answered at once, a log line and a measurement.
func (s *Service) instrument(prefix string, api *http.ServeMux) http.Handler {
	fail := errorWriter(prefix)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		_, pattern := api.Handler(r)
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = r.Method, pattern
		}
		route := prefix + path

		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := s.config.Tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		rec := new(record)
		ctx = context.WithValue(ctx, recordKey{}, rec)
		id := requestID(r)
		w.Header().Set(requestIDHeader, id)
		answer := &response{ResponseWriter: w}

		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				rec.failure = &fault.Error{Code: fault.Internal, Message: "internal error"}
				s.config.Logger.ErrorContext(ctx, "query: panic", "request_id", id, "route", route, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if answer.status == 0 {
					fail(answer, rec.failure)
					p = nil
				} else {
					p = http.ErrAbortHandler
				}
			}
			s.finish(ctx, span, rec, answer, route, id, time.Since(start))
			if p != nil {
				panic(p)
			}
		}()
		if !cheap(route) {
			if f := s.enter(ctx); f != nil {
				rec.failure = f
				fail(answer, f)
				return
			}
			defer s.leave()
		}
		api.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// enter waits for a slot, but not so long that clients give up first.
func (s *Service) enter(ctx context.Context) *fault.Error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(s.config.Limits.Timeout / 3)
	defer patience.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Of(ctx.Err())
	case <-patience.C:
		return &fault.Error{Code: fault.Unavailable, Limit: "max_concurrent", RetryAfter: time.Second,
			Message: fmt.Sprintf("%d queries are being answered, which is the limit max_concurrent; try again", cap(s.slots))}
	}
}

func (s *Service) leave() { <-s.slots }

// slow is from when on a request is worth a line in the log.
const slow = 5 * time.Second

func (s *Service) finish(ctx context.Context, span trace.Span, rec *record, w *response, route, id string, took time.Duration) {
	status := w.status
	if rec.failure != nil && status == 0 {
		status = rec.failure.Code.Status()
	}
	s.metrics.answered(route, strconv.Itoa(status), took)
	span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))

	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("request_id", id), slog.String("route", route), slog.String("tenant", string(tenant.FromContext(ctx))),
		slog.Int("status", status), slog.Duration("took", took),
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", sc.TraceID().String()))
	}
	if took >= slow {
		level = slog.LevelInfo
	}
	if f := rec.failure; f != nil {
		attrs = append(attrs, slog.String("error", f.Error()), slog.String("code", string(f.Code)))
		span.SetStatus(codes.Error, f.Error())
		if status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
	}
	s.config.Logger.LogAttrs(ctx, level, "query", attrs...)
}

// requestID is the id the client gave, if it is fit for a log, or a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	if id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == "" {
		return id
	}
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// response remembers the status.
type response struct {
	http.ResponseWriter
	status int
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
