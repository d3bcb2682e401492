package nativeapi

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/joinexec"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

//go:embed openapi.yaml
var document []byte

// Readiness is whether storage can answer.
type Readiness struct {
	Ready         bool
	State         string // of the engine, such as starting, ready, failed
	EngineVersion string
	Error         string // why it is not ready
}

// Config configures the API.
type Config struct {
	Languages  Languages          // of metric queries
	Metrics    *metricexec.Engine // names of metrics and labels
	Logs       *logstore.Store
	Traces     *tracestore.Store
	Spans      *traceexec.Engine // TraceQL
	LogQL      *logexec.Engine
	Joins      *joinexec.Engine // three signals
	Resources  *resourcestore.Store
	Alerts     *alertstore.Store // nil where none are kept
	Correlator *correlate.Correlator
	// Cardinality is where series are.
	Cardinality CardinalityFunc
	Ready       func() Readiness
	Version     string
	// Timeout bounds one request that is no metric query; default 30 s.
	Timeout time.Duration
	// MaxLogs bounds a page of logs, MaxNames a list of names or values; by
	// default 5,000 and 10,000.
	MaxLogs, MaxNames int
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) setDefaults() {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxLogs <= 0 || c.MaxLogs > logstore.MaxLimit {
		c.MaxLogs = 5_000
	}
	if c.MaxNames <= 0 {
		c.MaxNames = 10_000
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
	if c.Ready == nil {
		c.Ready = func() Readiness { return Readiness{Ready: true, State: "ready"} }
	}
}

type api struct{ Config }

// route is one row of the routing table; openapi.yaml has the same rows.
type route struct {
	method, path string
	serve        func(w http.ResponseWriter, r *http.Request) error
}

func (a *api) routes() []route {
	return []route{
		{http.MethodGet, "/openapi.yaml", a.document},
		{http.MethodGet, "/api/v1/status", a.status},
		{http.MethodPost, "/api/v1/query", a.query},
		{http.MethodPost, "/api/v1/query/check", a.check},
		{http.MethodGet, "/api/v1/logs", a.logs},
		{http.MethodGet, "/api/v1/lines", a.lines},
		{http.MethodGet, "/api/v1/traces", a.traces},
		{http.MethodGet, "/api/v1/traces/{id}", a.trace},
		{http.MethodGet, "/api/v1/traces/{id}/critical-path", a.criticalPath},
		{http.MethodGet, "/api/v1/critical-path", a.operationPath},
		{http.MethodGet, "/api/v1/deltas", a.deltas},
		{http.MethodGet, "/api/v1/red", a.red},
		{http.MethodGet, "/api/v1/service-graph", a.graph},
		{http.MethodPost, "/api/v1/correlate", a.correlate},
		{http.MethodGet, "/api/v1/join", a.join},
		{http.MethodGet, "/api/v1/traces/{id}/context", a.context},
		{http.MethodGet, "/api/v1/labels", a.labels},
		{http.MethodGet, "/api/v1/labels/{name}/values", a.labelValues},
		{http.MethodGet, "/api/v1/services", a.services},
		{http.MethodGet, "/api/v1/exemplars", a.exemplars},
		{http.MethodGet, "/api/v1/alerts", a.alerts},
		{http.MethodGet, "/api/v1/alerts/history", a.alertHistory},
		{http.MethodGet, "/api/v1/cardinality", a.cardinality},
	}
}

// Handler serves /api/v1 and /openapi.yaml.
func Handler(c Config) *http.ServeMux {
	c.setDefaults()
	a := &api{c}
	mux := http.NewServeMux()
	methods := map[string]string{}
	for _, r := range a.routes() {
		mux.Handle(r.method+" "+r.path, a.handler(r.serve))
		methods[r.path] = r.method
	}
	for path, method := range methods {
		mux.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", method)
			nativejson.Write(w, http.StatusMethodNotAllowed, nativejson.ErrorBody{Error: nativejson.ErrorInfo{Code: string(fault.BadQuery), Message: path + " is for " + method + " only"}})
		}))
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
			nativejson.WriteError(w, f)
		}
	})
}

func (a *api) document(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(document)
	return nil
}

func (a *api) status(w http.ResponseWriter, _ *http.Request) error {
	r := a.Ready()
	nativejson.Write(w, http.StatusOK, nativejson.Status{
		Product: "trefoil", Version: a.Version, Ready: r.Ready,
		Engine: nativejson.EngineStatus{State: r.State, Version: r.EngineVersion, Error: r.Error},
		Time:   nativejson.TimeText(a.Now().UnixNano()),
	})
	return nil
}

func tenantOf(r *http.Request) tenant.ID { return tenant.FromContext(r.Context()) }

// bounded reads what a list of a time range asks for: the parameters start, end
// and limit, and those named besides.
func (a *api) bounded(r *http.Request, otherwise, most int, besides ...string) (form url.Values, win nativeparam.Window, limit int, err error) {
	if form, err = nativeparam.Form(r, append([]string{"start", "end", "limit"}, besides...)...); err != nil {
		return form, win, 0, err
	}
	if win, err = nativeparam.WindowOf(form, a.Now()); err != nil {
		return form, win, 0, err
	}
	limit, err = nativeparam.Limit(form, otherwise, most)
	return form, win, limit, err
}
