package jaegerapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Config configures the API.
type Config struct {
	Engine  *traceexec.Engine
	Traces  *tracestore.Store
	Timeout time.Duration // of a request; default 30 s
	// Failed is told of every error that is answered; nil for nobody.
	Failed func(context.Context, *fault.Error)
	Now    func() time.Time
}

type api struct{ Config }

// Bounds of an answer.
const (
	maxTraces    = 1500
	defaultLimit = 20
	maxNames     = 10_000
	maxSpans     = 200_000 // of all traces of a search
)

// recent is how far back lists of names look.
const recent = 24 * time.Hour

// Handler serves /api/…, without the prefix /jaeger.
func Handler(c Config) *http.ServeMux {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Failed == nil {
		c.Failed = func(context.Context, *fault.Error) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	a := &api{c}
	mux := http.NewServeMux()
	for path, serve := range map[string]func(*http.Request) (any, error){
		"GET /api/services":                      a.services,
		"GET /api/services/{service}/operations": a.operationNames,
		"GET /api/operations":                    a.operations,
		"GET /api/traces":                        a.search,
		"GET /api/traces/{id}":                   a.trace,
		"GET /api/dependencies":                  a.dependencies,
	} {
		mux.Handle(path, a.handler(serve))
	}
	mux.Handle("/", a.handler(func(r *http.Request) (any, error) {
		return nil, &fault.Error{Code: fault.NotFound, Message: r.URL.Path + " is not served here"}
	}))
	return mux
}

type errorJSON struct {
	Code    int    `json:"code"`
	Message string `json:"msg"`
}

type envelope struct {
	Data   any         `json:"data"`
	Total  int         `json:"total"`
	Limit  int         `json:"limit"`
	Offset int         `json:"offset"`
	Errors []errorJSON `json:"errors"`
}

func (a *api) handler(serve func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		data, err := serve(r.WithContext(ctx))
		if err != nil {
			f := fault.Of(err)
			a.Failed(ctx, f)
			WriteError(w, f)
			return
		}
		e := envelope{Data: data}
		switch list := data.(type) {
		case []string:
			e.Total = len(list)
		case []operationJSON:
			e.Total = len(list)
		}
		write(w, http.StatusOK, e)
	})
}

// WriteError answers with a failure in the API's own shape.
func WriteError(w http.ResponseWriter, e *fault.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	write(w, e.Code.Status(), envelope{Errors: []errorJSON{{e.Code.Status(), e.Error()}}})
}

func write(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"data":null,"errors":[{"code":500,"msg":"answer cannot be encoded"}]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func tenantOf(r *http.Request) tenant.ID { return tenant.FromContext(r.Context()) }

func (a *api) services(r *http.Request) (any, error) {
	now := a.Now()
	names, err := a.Traces.Services(r.Context(), tenantOf(r), now.Add(-recent).UnixNano(), now.UnixNano(), maxNames)
	return append([]string{}, names...), err
}

type operationJSON struct {
	Name string `json:"name"`
	Kind string `json:"spanKind"`
}

func (a *api) list(r *http.Request, service string) ([]tracestore.Operation, error) {
	if service == "" {
		return nil, fault.Param("service", errors.New("is empty"))
	}
	now := a.Now()
	return a.Traces.Operations(r.Context(), tenantOf(r), service, now.Add(-recent).UnixNano(), now.UnixNano(), maxNames)
}

func (a *api) operationNames(r *http.Request) (any, error) {
	list, err := a.list(r, r.PathValue("service"))
	names := []string{}
	for _, o := range list {
		names = append(names, o.Name)
	}
	return slices.Compact(names), err
}

func (a *api) operations(r *http.Request) (any, error) {
	kind := r.URL.Query().Get("spanKind")
	list, err := a.list(r, r.URL.Query().Get("service"))
	out := []operationJSON{}
	for _, o := range list {
		if k := kindName(o.Kind); kind == "" || k == kind {
			out = append(out, operationJSON{o.Name, k})
		}
	}
	return out, err
}

func kindName(kind uint8) string {
	names := traceql.KindNames()
	if int(kind) >= len(names) || kind == 0 {
		return ""
	}
	return names[kind]
}

func (a *api) trace(r *http.Request) (any, error) {
	id, err := traceexec.ParseTraceID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	res, err := a.Traces.Trace(r.Context(), tenantOf(r), id, tracestore.MaxLimit)
	if errors.Is(err, tracestore.ErrNotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Message: "trace not found", Err: err}
	}
	if err != nil {
		return nil, err
	}
	t := traceOf(res.Spans)
	if res.Truncated {
		t.Warnings = []string{fmt.Sprintf("the trace has %d spans; these are its first %d", res.Total, len(res.Spans))}
	}
	return []traceJSON{t}, nil
}

func (a *api) search(r *http.Request) (any, error) {
	form := r.URL.Query()
	t := tenantOf(r)
	var ids [][16]byte
	for _, s := range form["traceID"] {
		id, err := traceexec.ParseTraceID(s)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		q, o, err := a.question(form)
		if err != nil {
			return nil, err
		}
		found, err := a.Engine.Search(r.Context(), t, q, o)
		if err != nil {
			return nil, err
		}
		for i := range found.Traces {
			ids = append(ids, found.Traces[i].TraceID)
		}
	}
	if len(ids) > maxTraces {
		return nil, fault.Param("traceID", fmt.Errorf("is given more than %d times", maxTraces))
	}
	spans, cut, _, err := a.Traces.SpansOf(r.Context(), t, ids, tracestore.Need{Parts: tracestore.AllParts}, maxSpans)
	if err != nil {
		return nil, err
	}
	if cut {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_spans", Message: fmt.Sprintf("the traces have more than %d spans; ask for fewer with limit", maxSpans)}
	}
	byID := map[[16]byte][]tracestore.Span{}
	for _, s := range spans {
		byID[s.TraceID] = append(byID[s.TraceID], s)
	}
	out := []traceJSON{}
	for _, id := range ids {
		if list := byID[id]; len(list) > 0 {
			out = append(out, traceOf(list))
		}
	}
	return out, nil
}

// question is a search's parameters as TraceQL.
func (a *api) question(form url.Values) (*traceql.Query, traceexec.Options, error) {
	o := traceexec.Options{End: a.Now(), Limit: defaultLimit, SpansPerSet: 1}
	o.Start = o.End.Add(-time.Hour)
	for name, to := range map[string]*time.Time{"start": &o.Start, "end": &o.End} {
		s := form.Get(name)
		if s == "" {
			continue
		}
		micros, err := strconv.ParseInt(s, 10, 64)
		if err != nil || micros < 0 || micros > math.MaxInt64/1000 {
			return nil, o, fault.Param(name, fmt.Errorf("%q is not a time in Unix microseconds", s))
		}
		*to = time.UnixMicro(micros)
	}
	if s := form.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxTraces {
			return nil, o, fault.Param("limit", fmt.Errorf("%q is not a number from 1 to %d", s, maxTraces))
		}
		o.Limit = n
	}
	service := form.Get("service")
	if service == "" {
		return nil, o, fault.Param("service", errors.New("is empty"))
	}
	conds := []string{"resource.service.name = " + strconv.Quote(service)}
	if s := form.Get("operation"); s != "" && s != "all" {
		conds = append(conds, "name = "+strconv.Quote(s))
	}
	for name, op := range map[string]string{"minDuration": ">=", "maxDuration": "<="} {
		d, err := fault.Optional(form, name, 0, timetext.Span)
		if err != nil {
			return nil, o, err
		}
		if d > 0 {
			conds = append(conds, "duration "+op+" "+d.String())
		}
	}
	tags, err := tagsOf(form)
	if err != nil {
		return nil, o, err
	}
	q, err := traceexec.Parse("{ " + strings.Join(append(conds, tags...), " && ") + " }")
	return q, o, err
}

// tagsOf reads tags, a JSON object, and tag, key:value each.
func tagsOf(form url.Values) (conds []string, err error) {
	tags := map[string]string{}
	if s := form.Get("tags"); s != "" {
		if err := json.Unmarshal([]byte(s), &tags); err != nil {
			return nil, fault.Param("tags", fmt.Errorf("is no JSON object of strings: %w", err))
		}
	}
	for _, s := range form["tag"] {
		key, value, ok := strings.Cut(s, ":")
		if !ok {
			return nil, fault.Param("tag", fmt.Errorf("%q is not key:value", s))
		}
		tags[key] = value
	}
	keys := make([]string, 0, len(tags))
	for k := range tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if k == "" {
			return nil, fault.Param("tags", errors.New("a key is empty"))
		}
		conds = append(conds, tagCondition(k, tags[k]))
	}
	return conds, nil
}

// tagCondition is a tag as TraceQL: values come as text, whatever their type.
func tagCondition(key, value string) string {
	switch {
	case key == "error" && value == "true":
		return "(status = error || .error = true)"
	case key == "span.kind" && slices.Contains(traceql.KindNames(), value):
		return "kind = " + value
	case key == "otel.status_description":
		return "statusMessage = " + strconv.Quote(value)
	case key == "otel.status_code" && slices.Contains(traceql.StatusNames(), strings.ToLower(value)):
		return "status = " + strings.ToLower(value)
	}
	f := traceql.Field{Name: key}.String()
	either := []string{f + " = " + strconv.Quote(value)}
	if value == "true" || value == "false" {
		either = append(either, f+" = "+value)
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		either = append(either, f+" = "+traceql.Float(n).String())
	}
	return "(" + strings.Join(either, " || ") + ")"
}

// dependencies is the graph of services of the time before endTs.
func (a *api) dependencies(r *http.Request) (any, error) {
	form := r.URL.Query()
	end, back := a.Now(), time.Hour
	if s := form.Get("endTs"); s != "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil || ms < 0 || ms > math.MaxInt64/1_000_000 {
			return nil, fault.Param("endTs", fmt.Errorf("%q is not a time in Unix milliseconds", s))
		}
		end = time.UnixMilli(ms)
	}
	if s := form.Get("lookback"); s != "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil || ms < 1 || ms > 31*86_400_000 {
			return nil, fault.Param("lookback", fmt.Errorf("%q is not a number of milliseconds up to 31 days", s))
		}
		back = time.Duration(ms) * time.Millisecond
	}
	edges, _, err := a.Traces.Graph(r.Context(), tenantOf(r), end.Add(-back).UnixNano(), end.UnixNano(), maxNames)
	if err != nil {
		return nil, err
	}
	type edge struct {
		Parent string `json:"parent"`
		Child  string `json:"child"`
		Calls  uint64 `json:"callCount"`
	}
	out := []edge{}
	for _, e := range edges {
		out = append(out, edge{e.Client, e.Server, e.Requests})
	}
	return out, nil
}
