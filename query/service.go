package query

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/jaegerapi"
	"github.com/trefoil-o11y/trefoil/query/joinexec"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/lokiapi"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/metricsqlexec"
	"github.com/trefoil-o11y/trefoil/query/nativeapi"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/promapi"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/query/spanseries"
	"github.com/trefoil-o11y/trefoil/query/tempoapi"
	"github.com/trefoil-o11y/trefoil/query/tempogrpc"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/joinstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Readiness is whether storage can answer.
type Readiness = nativeapi.Readiness

// Program is what is told of the process beside its version.
type Program = promapi.Program

// Limits bound one query. A zero field means its default.
type Limits struct {
	Timeout       time.Duration // 30 s
	MaxConcurrent int           // requests at once, of all tenants; 32
	MaxSamples    int           // of a metric query; 20 million
	MaxSeries     int           // of a metric query; 100,000
	MaxPoints     int           // per series of a range; 11,000
	MaxLogs       int           // in a page; 5,000
	MaxSpans      int           // of a trace; 10,000
	MaxNames      int           // in a list of names or values; 10,000
}

func (l *Limits) setDefaults() {
	if l.Timeout <= 0 {
		l.Timeout = 30 * time.Second
	}
	if l.MaxConcurrent <= 0 {
		l.MaxConcurrent = 32
	}
}

// Config configures a Service.
type Config struct {
	Logs      *logstore.Store
	Traces    *tracestore.Store
	Metrics   *metricstore.Store
	Resources *resourcestore.Store
	Alerts    *alertstore.Store // what fired when; nil where no alert is kept
	// Promote lists resource attributes that are labels of every metric series
	// beside job and instance; nil means service.name.
	Promote []string
	Limits  Limits
	// Lookback is how old the last sample of a series may be in PromQL; 0 means 5 min.
	Lookback time.Duration
	// Features are parts of PromQL that are off unless asked for.
	Features promexpr.Features
	// CacheBytes bounds the answers of PromQL range queries that are kept in memory;
	// 0 keeps none.
	CacheBytes int64
	Version    string
	Program    Program               // what status/ tells of the process
	Ready      func() Readiness      // nil means always ready
	Registerer prometheus.Registerer // nil means nowhere
	Tracer     trace.Tracer          // nil means none
	Logger     *slog.Logger          // nil means none
	Now        func() time.Time
}

func (c *Config) setDefaults() {
	c.Limits.setDefaults()
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Service answers queries over HTTP and from inside the process. It is safe for
// concurrent use.
type Service struct {
	config    Config
	engine    *metricexec.Engine
	metricsql *metricsqlexec.Engine
	traces    *traceexec.Engine
	logs      *logexec.Engine
	// What metric queries and rules may be written in. A new language is a
	// line in New, and one in package language.
	languages nativeapi.Languages
	metrics   *metrics
	slots     chan struct{}
	handler   http.Handler
}

// New makes a service.
func New(c Config) *Service {
	c.setDefaults()
	s := &Service{config: c, metrics: newMetrics(c.Registerer), slots: make(chan struct{}, c.Limits.MaxConcurrent)}
	rollups := rollupstore.New(c.Traces.DB(), c.Metrics.Points()).Read
	s.engine = metricexec.New(metricexec.Config{
		Source: c.Metrics, Maker: spanseries.New(c.Traces), Rollups: rollups, Logger: c.Logger, Promote: c.Promote, Observe: s.metrics.evaluated("promql"),
		Lookback: c.Lookback, Features: c.Features, Held: c.Metrics.Held, CacheBytes: c.CacheBytes, ObserveCache: s.metrics.cached, Now: c.Now,
		Limits: metricexec.Limits{
			Timeout: c.Limits.Timeout, MaxSamples: c.Limits.MaxSamples, MaxSeries: c.Limits.MaxSeries, MaxPoints: c.Limits.MaxPoints,
		},
	})
	s.metricsql = metricsqlexec.New(metricsqlexec.Config{Metrics: s.engine, Observe: s.metrics.evaluated("metricsql"), Now: c.Now})
	s.traces = traceexec.New(traceexec.Config{Traces: c.Traces, Resources: c.Resources, Now: c.Now, Limits: traceexec.Limits{MaxPoints: c.Limits.MaxPoints, MaxNames: c.Limits.MaxNames}})
	s.logs = logexec.New(logexec.Config{Logs: c.Logs, Limits: logexec.Limits{
		Timeout: c.Limits.Timeout, MaxLines: c.Limits.MaxLogs, MaxSeries: c.Limits.MaxSeries, MaxPoints: c.Limits.MaxPoints, MaxSamples: c.Limits.MaxSamples, MaxNames: c.Limits.MaxNames,
	}})
	s.languages = nativeapi.Languages{
		"logql":     {Instant: s.logsInstant, Range: s.logsRange},
		"promql":    {Instant: s.engine.Instant, Range: s.engine.Range},
		"metricsql": {Instant: s.metricsql.Instant, Range: s.metricsql.Range},
		"traceql":   {Instant: s.traces.Instant, Range: s.traces.Range},
	}
	s.handler = s.mount()
	return s
}

// Handler serves /prometheus, /metricsql, /api/v1 and /openapi.yaml. Requests
// carry their tenant in the context.
func (s *Service) Handler() http.Handler { return s.handler }

func (s *Service) mount() http.Handler {
	c := s.config
	native := nativeapi.Handler(nativeapi.Config{
		Languages: s.languages, Metrics: s.engine, Logs: c.Logs, Traces: c.Traces, Spans: s.traces, LogQL: s.logs, Resources: c.Resources, Alerts: c.Alerts,
		Correlator: correlate.New(correlate.Config{
			Logs: c.Logs, Traces: c.Traces, Metrics: c.Metrics, Spans: s.traces, Series: s.engine.Range, Alerts: c.Alerts, Budget: c.Limits.Timeout / 3, MaxSpans: c.Limits.MaxSpans, Now: c.Now,
		}),
		Joins: joinexec.New(joinexec.Config{
			Joins: joinstore.New(joinstore.Config{DB: c.Traces.DB(), Traces: c.Traces, Logs: c.Logs, Metrics: c.Metrics}), Logs: s.logs,
		}),
		Cardinality: s.countSeries,
		Ready:       c.Ready, Version: c.Version, Timeout: c.Limits.Timeout, MaxLogs: c.Limits.MaxLogs, MaxNames: c.Limits.MaxNames,
		Failed: note, Logger: c.Logger, Now: c.Now,
	})
	program := c.Program
	program.Version = c.Version
	prom := promapi.Config{
		Engine: s.engine, Metadata: s.metadata, TargetMetadata: s.targetMetadata, Cardinality: s.cardinality,
		MaxMetadata: c.Limits.MaxNames, Program: program, Timeout: c.Limits.Timeout, Failed: note, Logger: c.Logger, Now: c.Now,
	}
	vm := prom
	vm.Language = s.metricsql
	tempo := tempoapi.Handler(tempoapi.Config{
		Engine: s.traces, Traces: c.Traces, Version: c.Version, Timeout: c.Limits.Timeout, Failed: note, Logger: c.Logger, Now: c.Now,
	})
	jaeger := jaegerapi.Handler(jaegerapi.Config{
		Engine: s.traces, Traces: c.Traces, Timeout: c.Limits.Timeout, Failed: note, Now: c.Now,
	})
	loki := lokiapi.Handler(lokiapi.Config{Engine: s.logs, Version: c.Version, Timeout: c.Limits.Timeout, Failed: note, Logger: c.Logger, Now: c.Now})
	mux := http.NewServeMux()
	mux.Handle("/loki/", http.StripPrefix("/loki", s.instrument("/loki", loki)))
	mux.Handle("/jaeger/", http.StripPrefix("/jaeger", s.instrument("/jaeger", jaeger)))
	instrumented := s.instrument("/tempo", tempo)
	mux.Handle("/tempo/", http.StripPrefix("/tempo", instrumented))
	for prefix, c := range map[string]promapi.Config{"/prometheus": prom, "/metricsql": vm} {
		mux.Handle(prefix+"/", http.StripPrefix(prefix, s.instrument(prefix, promapi.Handler(c))))
	}
	api := s.instrument("", native)
	mux.Handle("/api/v1/", api)
	mux.Handle("/openapi.yaml", api)
	root := http.NewServeMux()
	root.Handle("/", compressed(mux))
	root.Handle("/"+tempogrpc.Service+"/", tempogrpc.Handler(instrumented))
	return root
}

// WriteError answers with a failure as the API does that a path belongs to; a path
// of no other API is the native one's.
func WriteError(w http.ResponseWriter, path string, f *fault.Error) {
	prefix, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	errorWriter("/"+prefix)(w, f)
}

// errorWriter writes failures in the shape of the API at a prefix.
func errorWriter(prefix string) func(http.ResponseWriter, *fault.Error) {
	switch prefix {
	case "/prometheus", "/metricsql":
		return promapi.WriteError
	case "/loki":
		return lokiapi.WriteError
	case "/tempo":
		return tempoapi.WriteError
	case "/jaeger":
		return jaegerapi.WriteError
	}
	return nativejson.WriteError
}

// compressed answers with gzip or zstd where the client takes it, fast rather
// than small.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(gzip.BestSpeed))
	if err != nil {
		return h // only a level out of range can fail
	}
	return inPieces(wrap(h))
}

// Exemplars finds the exemplars of an expression's series in [from,to], for
// rules. Errors are *fault.Error.
func (s *Service) Exemplars(ctx context.Context, t tenant.ID, expr string, from, to time.Time, limit int) ([]exemplar.QueryResult, error) {
	return s.engine.Exemplars(ctx, t, expr, from, to, limit)
}

// Ahead reads at once what many evaluations will. Under the contexts that the
// answer makes, Instant takes it from there. What cannot be read ahead, each
// reads itself, and then has the error. Only PromQL is read ahead.
func (s *Service) Ahead(ctx context.Context, t tenant.ID, queries []language.Query) (with func(context.Context) context.Context) {
	nothing := func(ctx context.Context) context.Context { return ctx }
	var all []metricexec.Timed
	for _, q := range queries {
		if q.Language == language.PromQL {
			all = append(all, metricexec.Timed{Expr: q.Text, At: q.At})
		}
	}
	if len(all) < 2 {
		return nothing
	}
	ahead, err := s.engine.Ahead(ctx, t, all)
	if err != nil {
		s.config.Logger.Debug("nothing is read ahead", "expressions", len(all), "err", err)
		return nothing
	}
	return ahead.With
}

// Instant evaluates an expression at one time, for rules. A scalar becomes a
// vector of one sample without labels. The vector is the caller's to keep.
// Errors are *fault.Error.
func (s *Service) Instant(ctx context.Context, t tenant.ID, language, expr string, at time.Time) (promql.Vector, annotations.Annotations, error) {
	found, err := s.languages.Find(language)
	if err != nil {
		return nil, nil, err
	}
	res, err := found.Instant(ctx, t, expr, at)
	if err != nil {
		return nil, nil, err
	}
	defer res.Close()
	switch v := res.Value.(type) {
	case promql.Vector:
		for i, s := range v {
			if s.H != nil { // the evaluator recycles them
				v[i].H = s.H.Copy()
			}
		}
		return v, res.Annotations, nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, res.Annotations, nil
	}
	return nil, nil, &fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf("expression is of type %s, not an instant vector or scalar", res.Value.Type())}
}

// metadata reads what Prometheus calls metadata: metrics of the last day.
func (s *Service) metadata(ctx context.Context, t tenant.ID, metric string, limit int) ([]promapi.Metadata, error) {
	from, to := s.lately()
	found, err := s.config.Metrics.Metadata(ctx, t, from, to, metric, limit)
	if err != nil {
		return nil, err
	}
	out := make([]promapi.Metadata, len(found))
	for i, m := range found {
		out[i] = promapi.Metadata{Family: m.PromName, Type: typeName(m), Help: m.Description, Unit: m.Unit}
	}
	return out, nil
}

// typeName is Prometheus's name of a metric's type.
func typeName(m metricstore.Metadata) string {
	switch m.Type {
	case metricstore.Gauge:
		return "gauge"
	case metricstore.Sum:
		if m.Monotonic {
			return "counter"
		}
		return "gauge"
	case metricstore.Histogram, metricstore.ExponentialHistogram:
		return "histogram"
	case metricstore.Summary:
		return "summary"
	}
	return "unknown"
}
