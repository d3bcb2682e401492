package promapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Metadata describes a metric family.
type Metadata struct {
	Family string `json:"-"`
	Type   string `json:"type"`
	Help   string `json:"help"`
	Unit   string `json:"unit"`
}

// Config configures the API.
type Config struct {
	Engine *metricexec.Engine
	// Metadata lists what is known of metrics, of one if metric is not empty.
	Metadata func(ctx context.Context, t tenant.ID, metric string, limit int) ([]Metadata, error)
	// MaxMetadata and MaxExemplars bound one answer; 10,000 by default.
	MaxMetadata, MaxExemplars int
	Version                   string
	// Timeout bounds one request; default 30 s.
	Timeout time.Duration
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) setDefaults() {
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
	c.setDefaults()
	a := &api{c}
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
	both("series", a.series)
	both("labels", a.labelNames)
	get("label/{name}/values", a.labelValues)
	get("metadata", a.metadata)
	get("status/buildinfo", a.buildInfo)
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

// withTimeout applies the timeout parameter.
func withTimeout(r *http.Request, form url.Values) (context.Context, context.CancelFunc, error) {
	s := form.Get("timeout")
	if s == "" {
		return r.Context(), func() {}, nil
	}
	d, err := parseDuration(s)
	if err == nil && d <= 0 {
		err = errors.New("timeout must be positive")
	}
	if err != nil {
		return nil, nil, fault.Param("timeout", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	return ctx, cancel, nil
}

func (a *api) query(r *http.Request, form url.Values) answer {
	limit, err := parseLimit(form.Get("limit"))
	if err != nil {
		return failed(fault.Param("limit", err))
	}
	at := a.Now()
	if s := form.Get("time"); s != "" {
		if at, err = parseTime(s); err != nil {
			return failed(fault.Param("time", err))
		}
	}
	ctx, cancel, err := withTimeout(r, form)
	if err != nil {
		return failed(err)
	}
	defer cancel()
	res, err := a.Engine.Instant(ctx, tenant.FromContext(ctx), form.Get("query"), at)
	return a.result(res, err, limit, form)
}

func (a *api) queryRange(r *http.Request, form url.Values) answer {
	limit, err := parseLimit(form.Get("limit"))
	if err != nil {
		return failed(fault.Param("limit", err))
	}
	p, err := parseRange(form, a.Engine.MaxPoints())
	if err != nil {
		return failed(err)
	}
	ctx, cancel, err := withTimeout(r, form)
	if err != nil {
		return failed(err)
	}
	defer cancel()
	res, err := a.Engine.Range(ctx, tenant.FromContext(ctx), form.Get("query"), p.start, p.end, p.step)
	return a.result(res, err, limit, form)
}

func (a *api) result(res *metricexec.Result, err error, limit int, form url.Values) answer {
	if err != nil {
		f := fault.Of(err)
		if f.Code == fault.BadQuery && f.Param == "" {
			// As Prometheus has it: invalid parameter "query": 1:2: parse error: …
			return failed(&fault.Error{Code: f.Code, Param: "query", Message: f.Error(), Err: f})
		}
		return failed(f)
	}
	v, truncated := truncate(res.Value, limit)
	notes := res.Annotations
	if truncated {
		notes.Add(errTruncated)
	}
	return answer{
		encode: func(e encoder) {
			var timings any
			if form.Get("stats") != "" {
				timings = res.Timings()
			}
			var how *explanation
			if form.Get("explain") == "true" {
				how = explain(res.Explain())
			}
			e.data(v, timings, how)
		},
		annotations: notes, query: res.Query, done: res.Close,
	}
}

var errTruncated = errors.New("results truncated due to limit")

// truncate keeps the first limit series of a result.
func truncate(v parser.Value, limit int) (parser.Value, bool) {
	if limit <= 0 {
		return v, false
	}
	switch v := v.(type) {
	case promql.Vector:
		return v[:min(limit, len(v))], len(v) > limit
	case promql.Matrix:
		return v[:min(limit, len(v))], len(v) > limit
	}
	return v, false
}

func (a *api) formatQuery(_ *http.Request, form url.Values) answer {
	// The plain parser: what the user wrote, names and all, only prettier.
	expr, err := a.Engine.Parser().Parser.ParseExpr(form.Get("query"))
	if err != nil {
		return failed(fault.Param("query", err))
	}
	return value(expr.Pretty(0))
}

func (a *api) exemplars(r *http.Request, form url.Values) answer {
	w, err := parseWindow(form)
	if err != nil {
		return failed(err)
	}
	found, err := a.Engine.Exemplars(r.Context(), tenant.FromContext(r.Context()), form.Get("query"), w.start, w.end, a.MaxExemplars)
	if err != nil {
		return failed(err)
	}
	return answer{encode: func(e encoder) { e.exemplars(found) }}
}

// selection is what series, labels and label values have in common.
type selection struct {
	window
	selectors [][]*labels.Matcher
	limit     int
}

func (a *api) selection(form url.Values) (selection, error) {
	var (
		s   selection
		err error
	)
	if s.limit, err = parseLimit(form.Get("limit")); err != nil {
		return s, fault.Param("limit", err)
	}
	if s.window, err = parseWindow(form); err != nil {
		return s, err
	}
	if s.selectors, err = a.Engine.Parser().ParseMetricSelectors(form["match[]"]); err != nil {
		return s, fault.Param("match[]", err)
	}
	for _, matchers := range s.selectors {
		if !selective(matchers) {
			return s, &fault.Error{Code: fault.BadQuery, Message: "match[] must contain at least one non-empty matcher"}
		}
	}
	return s, nil
}

func selective(matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if m != nil && !m.Matches("") {
			return true
		}
	}
	return false
}

func (a *api) series(r *http.Request, form url.Values) answer {
	if len(form["match[]"]) == 0 {
		return failed(&fault.Error{Code: fault.BadQuery, Message: "no match[] parameter provided"})
	}
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	found, err := a.Engine.Series(r.Context(), tenant.FromContext(r.Context()), s.selectors, s.start, s.end)
	if err != nil {
		return failed(err)
	}
	found, notes := cut(found, s.limit)
	return answer{encode: func(e encoder) { e.labelSets(found) }, annotations: notes}
}

func (a *api) labelNames(r *http.Request, form url.Values) answer {
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	return a.names(s.limit)(a.Engine.LabelNames(r.Context(), tenant.FromContext(r.Context()), s.selectors, s.start, s.end))
}

func (a *api) labelValues(r *http.Request, form url.Values) answer {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return failed(&fault.Error{Code: fault.BadQuery, Message: "invalid label name: " + name})
	}
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	return a.names(s.limit)(a.Engine.LabelValues(r.Context(), tenant.FromContext(r.Context()), name, s.selectors, s.start, s.end))
}

func (a *api) names(limit int) func([]string, error) answer {
	return func(names []string, err error) answer {
		if err != nil {
			return failed(err)
		}
		names, notes := cut(names, limit)
		ans := value(names)
		ans.annotations = notes
		return ans
	}
}

// cut keeps the first limit elements and says so if there were more.
func cut[T any](all []T, limit int) ([]T, annotations.Annotations) {
	if all == nil {
		all = []T{}
	}
	if limit <= 0 || len(all) <= limit {
		return all, nil
	}
	notes := annotations.New()
	return all[:limit], notes.Add(errTruncated)
}

func (a *api) metadata(r *http.Request, form url.Values) answer {
	limit, err := parseLimit(form.Get("limit"))
	if err != nil {
		return failed(fault.Param("limit", err))
	}
	perMetric, err := parseLimit(form.Get("limit_per_metric"))
	if err != nil {
		return failed(fault.Param("limit_per_metric", err))
	}
	found, err := a.Metadata(r.Context(), tenant.FromContext(r.Context()), form.Get("metric"), a.MaxMetadata)
	if err != nil {
		return failed(err)
	}
	families := map[string][]Metadata{}
	for _, m := range found {
		have, known := families[m.Family]
		if (!known && limit > 0 && len(families) >= limit) || (perMetric > 0 && len(have) >= perMetric) {
			continue
		}
		families[m.Family] = append(have, m)
	}
	return value(families)
}

func (a *api) buildInfo(*http.Request, url.Values) answer {
	return value(map[string]string{
		"version": a.Version, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	})
}
