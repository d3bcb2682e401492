package tempoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Config configures the API.
type Config struct {
	Engine   *traceexec.Engine
	Traces   *tracestore.Store
	Version  string
	Timeout  time.Duration // of a request; default 30 s
	MaxLimit int           // traces of a search; default 1,000
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) setDefaults() {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxLimit <= 0 {
		c.MaxLimit = 1000
	}
	if c.Failed == nil {
		c.Failed = func(context.Context, *fault.Error) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

type api struct{ Config }

// Handler serves /api/…, without the prefix /tempo.
func Handler(c Config) *http.ServeMux {
	c.setDefaults()
	a := &api{c}
	mux := http.NewServeMux()
	for path, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /api/echo":                        a.echo,
		"GET /ready":                           a.ready,
		"GET /api/status/buildinfo":            a.buildInfo,
		"GET /api/traces/{id}":                 a.trace,
		"GET /api/v2/traces/{id}":              a.traceV2,
		"GET /api/search":                      a.search,
		"GET /api/search/tags":                 a.tags,
		"GET /api/v2/search/tags":              a.tagsV2,
		"GET /api/search/tag/{name}/values":    a.tagValues,
		"GET /api/v2/search/tag/{name}/values": a.tagValuesV2,
		"GET /api/metrics/query_range":         a.metricsRange,
		"GET /api/metrics/query":               a.metricsInstant,
	} {
		mux.Handle(path, a.handler(serve))
	}
	mux.Handle("/", a.handler(func(_ http.ResponseWriter, r *http.Request) error {
		return &fault.Error{Code: fault.NotFound, Message: r.URL.Path + " is not served here"}
	}))
	return mux
}

func (a *api) handler(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		if err := serve(w, r.WithContext(ctx)); err != nil {
			f := fault.Of(err)
			a.Failed(ctx, f)
			WriteError(w, f)
		}
	})
}

// WriteError answers with a failure, as Tempo does: one of text.
func WriteError(w http.ResponseWriter, e *fault.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(e.Code.Status())
	fmt.Fprintln(w, e.Error())
}

func writeJSON(w http.ResponseWriter, body any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("tempoapi: encode: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b.Bytes())
	return nil
}

func (a *api) echo(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("echo"))
	return err
}

func (a *api) ready(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("ready\n"))
	return err
}

// apiVersion is the Tempo whose API this is: Grafana asks which features there
// are by version.
const apiVersion = "2.8.0"

func (a *api) buildInfo(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]string{"version": apiVersion, "revision": "trefoil " + a.Version, "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""})
}

func tenantOf(r *http.Request) tenant.ID { return tenant.FromContext(r.Context()) }
