package promapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Config configures the API.
type Config struct {
	Engine *metricexec.Engine
	// Language is what queries and selectors are written in; PromQL by default.
	Language Language
	// Metadata lists what is known of metrics, of one if metric is not empty.
	Metadata func(ctx context.Context, t tenant.ID, metric string, limit int) ([]Metadata, error)
	// TargetMetadata lists the same by what sent it.
	TargetMetadata func(ctx context.Context, t tenant.ID, metric string, limit int) ([]TargetMetadata, error)
	// Cardinality counts a tenant's series, limit of each list.
	Cardinality func(ctx context.Context, t tenant.ID, limit int) (Cardinality, error)
	// MaxMetadata and MaxExemplars bound one answer; 10,000 by default.
	MaxMetadata, MaxExemplars int
	Program                   Program
	// Timeout bounds one request; default 30 s.
	Timeout time.Duration
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) setDefaults() {
	if c.Language == nil {
		c.Language = promQL{c.Engine}
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxMetadata <= 0 {
		c.MaxMetadata = 10_000
	}
	if c.MaxExemplars <= 0 {
		c.MaxExemplars = 10_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Failed == nil {
		c.Failed = func(context.Context, *fault.Error) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

type api struct{ Config }

func newAPI(c Config) *api {
	c.setDefaults()
	return &api{c}
}

// answer is what a handler found out: data to encode, or an error.
type answer struct {
	encode      func(encoder)
	annotations annotations.Annotations
	query       string // for positions in annotations
	done        func()
	err         error
}

func failed(err error) answer { return answer{err: err} }

func value(v any) answer { return answer{encode: func(e encoder) { e.WriteVal(v) }} }

// Handler serves the API below /api/v1.
func Handler(c Config) *http.ServeMux {
	a := newAPI(c)
	mux := http.NewServeMux()
	both := func(path string, h func(*http.Request, url.Values) answer) {
		mux.Handle("GET /api/v1/"+path, a.handler(h))
		mux.Handle("POST /api/v1/"+path, a.handler(h))
	}
	get := func(path string, h func(*http.Request, url.Values) answer) {
		mux.Handle("GET /api/v1/"+path, a.handler(h))
	}
	both("query", a.query)
	both("query_range", a.queryRange)
	both("query_exemplars", a.exemplars)
	both("format_query", a.formatQuery)
	both("parse_query", a.parseQuery)
	both("series", a.series)
	both("labels", a.labelNames)
	// Prometheus has GET alone; Grafana's source asks with POST when it is set to POST.
	both("label/{name}/values", a.labelValues)
	get("metadata", a.metadata)
	get("targets/metadata", a.targetMetadata)
	get("status/buildinfo", a.buildInfo)
	get("status/config", a.config)
	get("status/flags", a.flags)
	get("status/runtimeinfo", a.runtimeInfo)
	get("status/tsdb", a.tsdb)
	mux.Handle("/", a.handler(func(r *http.Request, _ url.Values) answer {
		return failed(&fault.Error{Code: fault.NotFound, Message: r.Method + " " + r.URL.Path + " is not served here"})
	}))
	return mux
}

func (a *api) handler(h func(*http.Request, url.Values) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := formOf(w, r)
		if err != nil {
			a.fail(w, r, fault.Of(err))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		ans := h(r, form)
		if ans.done != nil {
			defer ans.done()
		}
		if ans.err != nil {
			a.fail(w, r, fault.Of(ans.err))
			return
		}
		a.succeed(w, ans)
	})
}

func (a *api) succeed(w http.ResponseWriter, ans answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	e := encoder{jsoniter.NewStream(jsoniter.ConfigCompatibleWithStandardLibrary, w, 4<<10)}
	e.WriteRaw(`{"status":"success","data":`)
	ans.encode(e)
	warnings, infos := ans.annotations.AsStrings(ans.query, 10, 10)
	e.texts("warnings", warnings)
	e.texts("infos", infos)
	e.WriteRaw("}")
	if err := e.Flush(); err != nil {
		a.Logger.Debug("promapi: write answer", "error", err)
		panic(http.ErrAbortHandler) // so that the client sees a cut answer, not a short one
	}
}

// errorType is the errorType Prometheus gives a class.
func errorType(c fault.Code) string {
	switch c {
	case fault.BadQuery:
		return "bad_data"
	case fault.Execution, fault.Limit:
		return "execution"
	default:
		return string(c)
	}
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	a.Failed(r.Context(), f)
	WriteError(w, f)
}

// WriteError answers with a failure in Prometheus's shape.
func WriteError(w http.ResponseWriter, f *fault.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Code.Status())
	e := encoder{jsoniter.NewStream(jsoniter.ConfigCompatibleWithStandardLibrary, w, 512)}
	e.WriteVal(struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}{"error", errorType(f.Code), f.Error()})
	e.Flush()
}
