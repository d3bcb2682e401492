package nativeapi

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

type spanFound struct {
	SpanID     string            `json:"span_id"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Start      string            `json:"start"`
	DurationNS uint64            `json:"duration_ns"`
	Fields     map[string]string `json:"fields"`
}

type spansetFound struct {
	Matched int               `json:"matched"`
	Results map[string]string `json:"results"`
	Spans   []spanFound       `json:"spans"`
}

type traceFound struct {
	TraceID    string         `json:"trace_id"`
	Service    string         `json:"root_service"`
	Name       string         `json:"root_name"`
	Start      string         `json:"start"`
	DurationNS int64          `json:"duration_ns"`
	Spans      int            `json:"span_count"`
	Errors     int            `json:"error_count"`
	Sets       []spansetFound `json:"spansets"`
}

type tracesFound struct {
	Traces  []traceFound        `json:"traces"`
	Partial string              `json:"partial,omitempty"`
	Stats   traceStats          `json:"stats"`
	Explain *explained.Document `json:"explain,omitempty"`
}

type traceStats struct {
	Traces    int    `json:"traces"`
	Spans     int    `json:"spans"`
	RowsRead  uint64 `json:"rows_read"`
	BytesRead uint64 `json:"bytes_read"`
}

const maxTracesFound = 1000

// traces searches with TraceQL.
func (a *api) traces(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "q", "start", "end", "limit", "spans", "explain")
	if err != nil {
		return err
	}
	q, err := queryOf(form, "q")
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	o := traceexec.Options{Start: win.Start, End: win.End}
	if o.Limit, err = parseLimit(form, traceexec.DefaultLimit, maxTracesFound); err != nil {
		return err
	}
	if o.SpansPerSet, err = parseLimit(url.Values{"limit": form["spans"]}, traceexec.DefaultSpansPerSet, maxTracesFound); err != nil {
		return err
	}
	ctx, explain, err := explaining(r.Context(), form)
	if err != nil {
		return err
	}
	found, err := a.Spans.Search(ctx, tenantOf(r), q, o)
	if err != nil {
		return err
	}
	body := tracesFound{Traces: []traceFound{}, Partial: found.Partial,
		Stats: traceStats{found.Stats.Traces, found.Stats.Spans, found.Stats.Rows, found.Stats.Bytes}}
	for i := range found.Traces {
		body.Traces = append(body.Traces, traceFoundOf(&found.Traces[i]))
	}
	body.Explain = explain.as(traceexec.Explain(q))
	writeJSON(w, http.StatusOK, body)
	return nil
}

// queryOf reads a TraceQL parameter.
func queryOf(form url.Values, name string) (*traceql.Query, error) {
	if form.Get(name) == "" {
		return nil, fault.Param(name, errors.New(`is empty; want TraceQL such as { status = error }`))
	}
	return traceexec.Parse(form.Get(name))
}

func traceFoundOf(t *traceexec.TraceFound) traceFound {
	out := traceFound{TraceID: hex.EncodeToString(t.TraceID[:]), Service: t.RootService, Name: t.RootName, Start: timeText(t.Start), DurationNS: int64(t.Duration), Sets: []spansetFound{}}
	for _, s := range t.Services {
		out.Spans += s.Spans
		out.Errors += s.Errors
	}
	for _, set := range t.Sets {
		f := spansetFound{Matched: set.Matched, Results: map[string]string{}, Spans: []spanFound{}}
		for _, at := range set.Attributes {
			f.Results[at.Name] = at.Value.Text()
		}
		for _, s := range set.Spans {
			sp := spanFound{SpanID: idText(s.SpanID[:]), Service: s.Service, Name: s.Name, Start: timeText(s.Start), DurationNS: s.Duration, Fields: map[string]string{}}
			for _, v := range s.Fields {
				sp.Fields[v.Field.String()] = v.Value.Text()
			}
			f.Spans = append(f.Spans, sp)
		}
		out.Sets = append(out.Sets, f)
	}
	return out
}

type graphEdge struct {
	Client   string  `json:"client"`
	Server   string  `json:"server"`
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"`
	P50      float64 `json:"p50_ns"`
	P99      float64 `json:"p99_ns"`
}

// graph is which services called which.
func (a *api) graph(w http.ResponseWriter, r *http.Request) error {
	_, win, limit, err := a.bounded(r, 1000, a.MaxNames)
	if err != nil {
		return err
	}
	edges, _, err := a.Traces.Graph(r.Context(), tenantOf(r), win.Start.UnixNano(), win.End.UnixNano(), limit+1)
	if err != nil {
		return err
	}
	body := struct {
		Edges     []graphEdge `json:"edges"`
		Truncated bool        `json:"truncated"`
	}{[]graphEdge{}, len(edges) > limit}
	for _, e := range edges[:min(limit, len(edges))] {
		body.Edges = append(body.Edges, graphEdge(e))
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

type example struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Start   string `json:"start"`
}

func exampleOf(e tracestore.Example) *example {
	if e.TraceID == [16]byte{} {
		return nil
	}
	return &example{hex.EncodeToString(e.TraceID[:]), idText(e.SpanID[:]), timeText(e.Start)}
}

type redRow struct {
	Service   string   `json:"service"`
	Operation string   `json:"operation,omitempty"`
	Time      string   `json:"time"`
	Requests  uint64   `json:"requests"`
	Errors    uint64   `json:"errors"`
	SumNS     float64  `json:"sum_ns"`
	P50       float64  `json:"p50_ns"`
	P90       float64  `json:"p90_ns"`
	P99       float64  `json:"p99_ns"`
	Bounds    []int64  `json:"bucket_bounds_ns"`
	Counts    []uint64 `json:"bucket_counts"`
	Slowest   *example `json:"slowest"`
	Failed    *example `json:"failed"`
}

func redOf(row *tracestore.REDRow, from, step int64) redRow {
	out := redRow{
		Service: row.Service, Operation: row.Name, Time: timeText(from + row.Step*step), Requests: row.Requests, Errors: row.Errors, SumNS: row.Sum,
		P50: row.P50, P90: row.P90, P99: row.P99, Counts: append([]uint64{}, row.Buckets...), Bounds: []int64{}, Slowest: exampleOf(row.Slowest), Failed: exampleOf(row.Failed),
	}
	for _, p := range row.Powers {
		out.Bounds = append(out.Bounds, 1<<min(max(p, 0), 62))
	}
	return out
}

const maxREDRows = 20_000

// red is rate, errors and durations of services, or of their operations.
func (a *api) red(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "start", "end", "step", "service*", "by")
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	ask := tracestore.RED{From: win.Start.UnixNano(), To: win.End.UnixNano(), Services: form["service"], Limit: maxREDRows + 1}
	if s := form.Get("step"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return fault.Param("step", err)
		}
		ask.Step = int64(d)
	}
	switch by := form.Get("by"); by {
	case "", "service":
	case "operation":
		ask.ByName = true
	default:
		return fault.Param("by", fmt.Errorf("%q is neither service nor operation", by))
	}
	rows, _, err := a.Traces.RED(r.Context(), tenantOf(r), ask)
	if err != nil {
		return err
	}
	body := struct {
		Rows      []redRow `json:"rows"`
		Truncated bool     `json:"truncated"`
	}{[]redRow{}, len(rows) > maxREDRows}
	for i := range rows[:min(maxREDRows, len(rows))] {
		body.Rows = append(body.Rows, redOf(&rows[i], ask.From, ask.Step))
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

type pathStretch struct {
	SpanID     string `json:"span_id"`
	Service    string `json:"service"`
	Name       string `json:"name"`
	Start      string `json:"start"`
	DurationNS int64  `json:"duration_ns"`
}

// criticalPath is the spans a trace waited for.
func (a *api) criticalPath(w http.ResponseWriter, r *http.Request) error {
	id, err := traceIDOf(r)
	if err != nil {
		return err
	}
	t, err := a.Correlator.Trace(r.Context(), tenantOf(r), id)
	if err != nil {
		return err
	}
	body := struct {
		TraceID   string        `json:"trace_id"`
		Truncated bool          `json:"truncated"`
		Path      []pathStretch `json:"path"`
	}{hex.EncodeToString(id[:]), t.Truncated, []pathStretch{}}
	for _, st := range correlate.CriticalPath(t.Spans) {
		s := &t.Spans[st.Span]
		body.Path = append(body.Path, pathStretch{idText(s.SpanID[:]), s.Service, s.Name, timeText(st.Start), st.End - st.Start})
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

type pathShare struct {
	Service string  `json:"service"`
	Name    string  `json:"name"`
	TimeNS  int64   `json:"time_ns"`
	Share   float64 `json:"share"`
	Traces  int     `json:"traces"`
}

// operationPath is the critical path of an operation over many traces.
func (a *api) operationPath(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "start", "end", "service", "operation")
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	for _, name := range []string{"service", "operation"} {
		if form.Get(name) == "" {
			return fault.Param(name, errors.New("is empty"))
		}
	}
	p, err := a.Correlator.PathOf(r.Context(), tenantOf(r), form.Get("service"), form.Get("operation"), win.Start, win.End)
	if err != nil {
		return err
	}
	body := struct {
		Traces int         `json:"traces"`
		TimeNS int64       `json:"time_ns"`
		Shares []pathShare `json:"shares"`
	}{p.Traces, p.Time, []pathShare{}}
	for _, s := range p.Shares {
		body.Shares = append(body.Shares, pathShare{s.Service, s.Name, s.Time, s.Share, s.Traces})
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

type deltaItem struct {
	Field         string  `json:"field"`
	Value         string  `json:"value"`
	Selected      float64 `json:"selected_share"`
	Others        float64 `json:"others_share"`
	SelectedCount uint64  `json:"selected_count"`
	OthersCount   uint64  `json:"others_count"`
}

type deltasBody struct {
	Selection     string      `json:"selection"`
	SelectedSpans uint64      `json:"selected_spans"`
	OtherSpans    uint64      `json:"other_spans"`
	Deltas        []deltaItem `json:"deltas"`
}

func deltasOf(selection string, d *traceexec.Deltas) *deltasBody {
	if d == nil {
		return nil
	}
	out := &deltasBody{selection, d.SelectedSpans, d.OtherSpans, []deltaItem{}}
	for _, x := range d.List {
		out.Deltas = append(out.Deltas, deltaItem{x.Field, x.Value.Text(), x.Selected, x.Others, x.SelectedCount, x.OthersCount})
	}
	return out
}

// deltas compares the spans that a selection picks of a query's with the rest.
func (a *api) deltas(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "q", "selection", "start", "end", "limit")
	if err != nil {
		return err
	}
	q, err := queryOf(form, "q")
	if err != nil {
		return err
	}
	sel, err := queryOf(form, "selection")
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	limit, err := parseLimit(form, 50, 1000)
	if err != nil {
		return err
	}
	base, ok := traceexec.Condition(q)
	selection, exact := traceexec.Condition(sel)
	if !ok || !exact {
		return &fault.Error{Code: fault.Unsupported, Message: "q and selection must be filters that the database can decide: no structure, no aggregates, no fields of events and links"}
	}
	d, err := a.Spans.Deltas(r.Context(), tenantOf(r), base, selection, win.Start, win.End, limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, deltasOf(sel.String(), d))
	return nil
}

type firingAlert struct {
	Alert    string            `json:"alert"`
	Group    string            `json:"group"`
	Labels   map[string]string `json:"labels"`
	Value    json.RawMessage   `json:"value"`
	FiredAt  string            `json:"fired_at"`
	Resolved string            `json:"resolved_at,omitempty"`
}

func alertsOf(list []alertstore.Instance) []firingAlert {
	out := []firingAlert{}
	for _, i := range list {
		f := firingAlert{Alert: i.Alert, Group: i.Group, Labels: i.Labels, Value: json.RawMessage(`"` + floatText(i.Value) + `"`), FiredAt: i.FiredAt.UTC().Format(time.RFC3339Nano)}
		if !i.ResolvedAt.IsZero() {
			f.Resolved = i.ResolvedAt.UTC().Format(time.RFC3339Nano)
		}
		out = append(out, f)
	}
	return out
}
