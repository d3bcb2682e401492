package nativeapi

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativearrow"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

const (
	maxText     = 4096 // bytes of q
	maxMatchers = 32
	maxServices = 256
	defaultLogs = 100
)

func (a *api) logs(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "start", "end", "service*", "severity", "q", "attr*", "trace_id", "span_id", "limit", "direction", "cursor")
	if err != nil {
		return err
	}
	filter, page, err := a.logSearch(form)
	if err != nil {
		return err
	}
	res, err := a.Logs.Select(r.Context(), tenantOf(r), filter, page)
	if err != nil {
		return err
	}
	if nativearrow.Wanted(r) {
		return nativearrow.Writer{Logger: a.Logger}.Logs(w, &res)
	}
	nativejson.Write(w, http.StatusOK, nativejson.NewRenderer().Logs(&res))
	return nil
}

// logSearch reads the parameters of a search.
func (a *api) logSearch(form url.Values) (logstore.Filter, logstore.Page, error) {
	var (
		f logstore.Filter
		p logstore.Page
	)
	w, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return f, p, err
	}
	f.From, f.To = w.Start, w.End
	if f.Services = form["service"]; len(f.Services) > maxServices {
		return f, p, fault.Param("service", fmt.Errorf("is given more than %d times", maxServices))
	}
	if f.Text = form.Get("q"); len(f.Text) > maxText {
		return f, p, fault.Param("q", fmt.Errorf("is longer than %d bytes", maxText))
	}
	if s := form.Get("severity"); s != "" {
		if f.MinSeverity, err = nativeparam.Severity(s); err != nil {
			return f, p, fault.Param("severity", err)
		}
	}
	if f.Attributes, err = parseMatchers(form["attr"]); err != nil {
		return f, p, fault.Param("attr", err)
	}
	if s := form.Get("trace_id"); s != "" {
		id, err := nativeparam.TraceID(s)
		if err != nil {
			return f, p, fault.Param("trace_id", err)
		}
		f.TraceID = &id
	}
	if s := form.Get("span_id"); s != "" {
		id, err := nativeparam.SpanID(s)
		if err != nil {
			return f, p, fault.Param("span_id", err)
		}
		f.SpanID = &id
	}
	p, err = a.logPage(form)
	return f, p, err
}

func (a *api) logPage(form url.Values) (logstore.Page, error) {
	var p logstore.Page
	var err error
	if p.Limit, err = nativeparam.Limit(form, defaultLogs, a.MaxLogs); err != nil {
		return p, err
	}
	switch s := form.Get("direction"); s {
	case "", "backward":
	case "forward":
		p.Forward = true
	default:
		return p, fault.Param("direction", fmt.Errorf("%q is neither backward nor forward", s))
	}
	if s := form.Get("cursor"); s != "" {
		c, err := nativeparam.CursorOf(s)
		if err != nil {
			return p, fault.Param("cursor", err)
		}
		after := logstore.Cursor(c)
		p.After = &after
	}
	return p, nil
}

func parseMatchers(attrs []string) ([]attrcol.Matcher, error) {
	if len(attrs) > maxMatchers {
		return nil, fmt.Errorf("is given more than %d times", maxMatchers)
	}
	var out []attrcol.Matcher
	for _, s := range attrs {
		m, err := nativeparam.Attribute(s)
		if err != nil {
			return nil, err
		}
		op := attrcol.Equal
		if m.Not {
			op = attrcol.NotEqual
		}
		out = append(out, attrcol.Matcher{Key: m.Key, Op: op, Value: m.Value})
	}
	return out, nil
}
