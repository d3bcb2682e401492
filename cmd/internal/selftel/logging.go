package selftel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// LogConfig is how the log is written.
type LogConfig struct {
	Level  string // debug, info (default), warn or error
	Format string // text (default) or json
	Output io.Writer

	// Attrs, when set, gives what else is known from a record's context, such
	// as the request ID.
	Attrs func(context.Context) []slog.Attr
}

// NewLogger returns a logger that adds trace_id and span_id to records logged
// with a context that has them.
func NewLogger(cfg LogConfig) (*slog.Logger, error) {
	var level slog.Level
	switch strings.ToLower(cfg.Level) {
	case "", "info":
	case "debug":
		level = slog.LevelDebug
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	default:
		return nil, fmt.Errorf("log level %q is not debug, info, warn or error", cfg.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch cfg.Format {
	case "", "text":
		handler = slog.NewTextHandler(cfg.Output, options)
	case "json":
		handler = slog.NewJSONHandler(cfg.Output, options)
	default:
		return nil, fmt.Errorf("log format %q is not text or json", cfg.Format)
	}
	return slog.New(&contextHandler{handler, cfg.Attrs}), nil
}

// contextHandler adds what the context knows to every record.
type contextHandler struct {
	slog.Handler
	attrs func(context.Context) []slog.Attr
}

func (h *contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	if h.attrs != nil {
		r.AddAttrs(h.attrs(ctx)...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &contextHandler{h.Handler.WithAttrs(attrs), h.attrs}
}

func (h *contextHandler) WithGroup(name string) slog.Handler {
	return &contextHandler{h.Handler.WithGroup(name), h.attrs}
}
