package nativeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// names is a list that may have been cut.
type names struct {
	values    []string
	truncated bool
}

// listing is the parameters labels and label values have in common.
type listing struct {
	nativeparam.Window
	signal    string
	selectors [][]*labels.Matcher // of metrics; none are all
	lines     *logql.Log          // of logs; nil is all
	spans     *traceql.Query      // of traces; nil is all
	limit     int
}

func (a *api) listing(r *http.Request) (listing, error) {
	var l listing
	form, err := nativeparam.Form(r, "signal", "match*", "start", "end", "limit")
	if err != nil {
		return l, err
	}
	if l.Window, err = nativeparam.WindowOf(form, a.Now()); err != nil {
		return l, err
	}
	if l.limit, err = nativeparam.Limit(form, 1000, a.MaxNames); err != nil {
		return l, err
	}
	if l.signal, err = signalOf(form); err != nil || len(form["match"]) == 0 {
		return l, err
	}
	return l, l.choose(a, form["match"])
}

// choose reads what is to be listed of: a selector in the signal's own language.
func (l *listing) choose(a *api, match []string) (err error) {
	if l.signal == "metrics" && len(match) > maxMatchers {
		return fault.Param("match", fmt.Errorf("is given more than %d times", maxMatchers))
	}
	if l.signal != "metrics" && len(match) > 1 {
		return fault.Param("match", errors.New("is given more than once, which only metrics allow"))
	}
	switch l.signal {
	case "logs":
		l.lines, err = selected(match[0])
		return err
	case "traces":
		l.spans, err = traceexec.Parse(match[0])
		return err
	}
	if l.selectors, err = a.Metrics.Parser().ParseMetricSelectors(match); err != nil {
		return fault.Param("match", err)
	}
	return nil
}

func signalOf(form url.Values) (string, error) {
	switch s := form.Get("signal"); s {
	case "":
		return "metrics", nil
	case "metrics", "logs", "traces":
		return s, nil
	default:
		return "", fault.Param("signal", fmt.Errorf("%q is not one of metrics, logs, traces", s))
	}
}

func (a *api) labels(w http.ResponseWriter, r *http.Request) error {
	l, err := a.listing(r)
	if err != nil {
		return err
	}
	found, err := a.listNames(r.Context(), l, r)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.Names{Names: nativejson.Filled(found.values), Truncated: found.truncated})
	return nil
}

func (a *api) listNames(ctx context.Context, l listing, r *http.Request) (names, error) {
	t := tenantOf(r)
	switch l.signal {
	case "logs":
		if l.lines != nil {
			found, err := a.LogQL.Labels(ctx, t, l.lines, l.Start, l.End)
			return cut(found, l.limit), err
		}
		n, err := a.Logs.LabelNames(ctx, t, l.Start, l.End, l.limit)
		return names{n.Values, n.Truncated}, err
	case "traces":
		if l.spans != nil {
			return names{}, fault.Param("match", errors.New("narrows values of traces, not names"))
		}
		n, err := a.Traces.LabelNames(ctx, t, l.Start, l.End, l.limit)
		return names{n.Values, n.Truncated}, err
	default:
		all, err := a.Metrics.LabelNames(ctx, t, l.selectors, l.Start, l.End)
		return cut(all, l.limit), err
	}
}

func (a *api) labelValues(w http.ResponseWriter, r *http.Request) error {
	l, err := a.listing(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if name == "" {
		return fault.Param("name", errors.New("is empty"))
	}
	found, err := a.listValues(r.Context(), l, name, r)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.Values{Values: nativejson.Filled(found.values), Truncated: found.truncated})
	return nil
}

func (a *api) listValues(ctx context.Context, l listing, name string, r *http.Request) (names, error) {
	t := tenantOf(r)
	switch l.signal {
	case "logs":
		if l.lines != nil {
			found, err := a.LogQL.Values(ctx, t, name, l.lines, l.Start, l.End)
			return cut(found, l.limit), err
		}
		n, err := a.Logs.LabelValues(ctx, t, name, l.Start, l.End, l.limit)
		return names{n.Values, n.Truncated}, err
	case "traces":
		if l.spans != nil || strings.Contains(name, ":") {
			return a.spanValues(ctx, t, l, name)
		}
		n, err := a.Traces.LabelValues(ctx, t, name, l.Start, l.End, l.limit)
		return names{n.Values, n.Truncated}, err
	default:
		all, err := a.Metrics.LabelValues(ctx, t, name, l.selectors, l.Start, l.End)
		return cut(all, l.limit), err
	}
}

// spanValues are those of an attribute, or of what TraceQL calls by a name with a
// colon, such as span:name, of the spans that are selected.
func (a *api) spanValues(ctx context.Context, t tenant.ID, l listing, name string) (names, error) {
	field := traceql.Field{Name: name}
	if strings.Contains(name, ":") {
		if known, ok := traceql.FieldNamed(name); ok {
			field = known
		}
	}
	if name == "service.name" {
		field.Scope = traceql.ScopeResource
	}
	found, err := a.Spans.TagValues(ctx, t, field, l.spans, l.Start, l.End, l.limit)
	if err != nil {
		return names{}, err
	}
	out := make([]string, len(found))
	for i, v := range found {
		out[i] = v.Text()
	}
	slices.Sort(out)
	return names{slices.Compact(out), len(found) == l.limit}, nil
}

func (a *api) services(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "start", "end")
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	found, err := a.Resources.Services(r.Context(), tenantOf(r), resourcestore.Seen{From: win.Start, To: win.End}, a.MaxNames)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.Services{Services: nativejson.Filled(found.Values), Truncated: found.Truncated})
	return nil
}

func cut(all []string, limit int) names {
	return names{all[:min(limit, len(all))], len(all) > limit}
}
