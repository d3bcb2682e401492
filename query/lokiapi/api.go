package lokiapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Config configures the API.
type Config struct {
	Engine  *logexec.Engine
	Version string
	Timeout time.Duration // of one request but a tail; default 30 s
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) setDefaults() {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Failed == nil {
		c.Failed = func(context.Context, *fault.Error) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

type api struct {
	Config
	tails chan struct{} // one for each tail
}

// maxTails bounds the tails at once, of all tenants.
const maxTails = 64

// handler answers a request with a document.
type handler func(r *http.Request, form url.Values) ([]byte, error)

// Handler serves the API below /api/v1.
func Handler(c Config) *http.ServeMux {
	c.setDefaults()
	a := &api{c, make(chan struct{}, maxTails)}
	mux := http.NewServeMux()
	for path, h := range map[string]handler{
		"query": a.query, "query_range": a.queryRange, "labels": a.labels, "label": a.labels, "label/{name}/values": a.values, "series": a.series,
		"format_query": a.format, "index/stats": a.indexStats, "index/volume": a.volume, "index/volume_range": a.volumeRange,
		"patterns": a.patterns, "detected_labels": a.detectedLabels, "detected_fields": a.detectedFields, "detected_field/{name}/values": a.detectedValues,
		"detected_fields/{name}/values": a.detectedValues, "drilldown-limits": a.drilldown, "status/buildinfo": a.buildInfo,
	} {
		mux.Handle("GET /api/v1/"+path, a.serve(h))
		mux.Handle("POST /api/v1/"+path, a.serve(h))
	}
	mux.HandleFunc("GET /api/v1/tail", a.tail)
	mux.Handle("/", a.serve(func(r *http.Request, _ url.Values) ([]byte, error) {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return nil, &fault.Error{Code: fault.NotFound, Message: r.Method + " " + path + " is not served here; clients want the address without a path, and add /loki/api/v1 themselves"}
	}))
	return mux
}

func (a *api) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		form, err := formOf(w, r)
		var body []byte
		if err == nil {
			body, err = h(r, form)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if _, err := w.Write(body); err != nil {
			a.Logger.Debug("lokiapi: write answer", "error", err)
			panic(http.ErrAbortHandler)
		}
	})
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := failure(err)
	a.Failed(r.Context(), f)
	WriteError(w, f)
}

func failure(err error) *fault.Error {
	if p, ok := errors.AsType[*logql.ParseError](err); ok {
		return logexec.ParseFailure(p)
	}
	return fault.Of(err)
}

// WriteError answers with a failure as Loki does, in plain text; an error in a query
// is shown with its place.
func WriteError(w http.ResponseWriter, f *fault.Error) {
	status := f.Code.Status()
	switch f.Code {
	case fault.Execution, fault.Limit:
		status = http.StatusBadRequest
	case fault.Timeout:
		status = http.StatusGatewayTimeout
	}
	message := f.Error()
	if p, ok := errors.AsType[*logql.ParseError](f); ok {
		message = p.Error() + "\n" + p.Caret()
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintln(w, message)
}

func tenantOf(r *http.Request) tenant.ID { return tenant.FromContext(r.Context()) }

func (a *api) format(_ *http.Request, form url.Values) ([]byte, error) {
	e, err := logql.Parse(form.Get("query"))
	if err != nil {
		return nil, err
	}
	return document(map[string]any{"status": "success", "data": logql.Pretty(e)})
}

func (a *api) buildInfo(*http.Request, url.Values) ([]byte, error) {
	return document(map[string]string{"version": a.Version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": runtime.Version()})
}

// drilldown tells Grafana's application for exploring logs what it may ask for.
func (a *api) drilldown(*http.Request, url.Values) ([]byte, error) {
	l := a.Engine.Limits
	return document(map[string]any{
		"limits": map[string]any{
			"discover_log_levels": true, "discover_service_name": []string{"service_name"}, "log_level_fields": []string{"detected_level"},
			"max_entries_limit_per_query": l.MaxLines, "max_line_size_truncate": false, "max_query_bytes_read": "0B", "max_query_length": "0s",
			"max_query_lookback": "0s", "max_query_range": "0s", "max_query_series": l.MaxSeries, "metric_aggregation_enabled": false,
			"otlp_config": map[string]any{}, "pattern_persistence_enabled": false, "query_timeout": l.Timeout.String(), "retention_period": "0s",
			"volume_enabled": true, "volume_max_series": l.MaxSeries,
		},
		"pattern_ingester_enabled": true, "version": a.Version, "maxDetectedFields": l.MaxNames, "maxDetectedValues": l.MaxNames,
		"maxLabelValues": l.MaxNames, "maxLines": l.MaxLines,
	})
}
