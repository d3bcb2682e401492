package nativeapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

const maxTracesFound = 1000

// traces searches with TraceQL.
func (a *api) traces(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "q", "start", "end", "limit", "spans", "explain")
	if err != nil {
		return err
	}
	q, err := queryOf(form, "q")
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	o := traceexec.Options{Start: win.Start, End: win.End}
	if o.Limit, err = nativeparam.Limit(form, traceexec.DefaultLimit, maxTracesFound); err != nil {
		return err
	}
	if o.SpansPerSet, err = nativeparam.Limit(url.Values{"limit": form["spans"]}, traceexec.DefaultSpansPerSet, maxTracesFound); err != nil {
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
	body := nativejson.FoundTracesOf(found)
	body.Explain = explain.as(traceexec.Explain(q))
	nativejson.Write(w, http.StatusOK, body)
	return nil
}

// queryOf reads a TraceQL parameter.
func queryOf(form url.Values, name string) (*traceql.Query, error) {
	if form.Get(name) == "" {
		return nil, fault.Param(name, errors.New(`is empty; want TraceQL such as { status = error }`))
	}
	return traceexec.Parse(form.Get(name))
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
	body := nativejson.Graph{Edges: []nativejson.Edge{}, Truncated: len(edges) > limit}
	for _, e := range edges[:min(limit, len(edges))] {
		body.Edges = append(body.Edges, nativejson.Edge(e))
	}
	nativejson.Write(w, http.StatusOK, body)
	return nil
}

const maxREDRows = 20_000

// red is rate, errors and durations of services, or of their operations.
func (a *api) red(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "start", "end", "step", "service*", "by")
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	ask := tracestore.RED{From: win.Start.UnixNano(), To: win.End.UnixNano(), Services: form["service"], Limit: maxREDRows + 1}
	step, err := fault.Optional(form, "step", 0, timetext.Positive)
	if err != nil {
		return err
	}
	ask.Step = int64(step)
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
	body := nativejson.REDRows{Rows: []nativejson.RED{}, Truncated: len(rows) > maxREDRows}
	for i := range rows[:min(maxREDRows, len(rows))] {
		body.Rows = append(body.Rows, nativejson.REDOf(&rows[i], ask.From, ask.Step))
	}
	nativejson.Write(w, http.StatusOK, body)
	return nil
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
	nativejson.Write(w, http.StatusOK, nativejson.CriticalPathOf(id, t))
	return nil
}

// operationPath is the critical path of an operation over many traces.
func (a *api) operationPath(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "start", "end", "service", "operation")
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
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
	nativejson.Write(w, http.StatusOK, nativejson.OperationPathOf(p))
	return nil
}

// deltas compares the spans that a selection picks of a query's with the rest.
func (a *api) deltas(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "q", "selection", "start", "end", "limit")
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
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	limit, err := nativeparam.Limit(form, 50, 1000)
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
	nativejson.Write(w, http.StatusOK, nativejson.DeltasOf(sel.String(), d))
	return nil
}
