package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// withOptions applies the parameters timeout, lookback_delta, max_source_resolution
// and stats.
func withOptions(r *http.Request, form url.Values) (context.Context, context.CancelFunc, error) {
	ctx := r.Context()
	if s := form.Get("lookback_delta"); s != "" {
		d, err := timetext.Duration(s)
		if err != nil {
			return nil, nil, fault.Param("lookback_delta", fmt.Errorf("error parsing lookback delta duration: %w", err))
		}
		ctx = metricexec.WithLookback(ctx, d)
	}
	ctx, err := metricexec.WithSourceResolution(ctx, form.Get("max_source_resolution"))
	if err != nil {
		return nil, nil, err
	}
	if form.Get("stats") == "all" {
		ctx = metricexec.WithStepStats(ctx)
	}
	s := form.Get("timeout")
	if s == "" {
		return ctx, func() {}, nil
	}
	d, err := timetext.Duration(s)
	if err == nil && d <= 0 {
		err = errors.New("timeout must be positive")
	}
	if err != nil {
		return nil, nil, fault.Param("timeout", err)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

func (a *api) query(r *http.Request, form url.Values) answer {
	limit, err := limitOf(form, "limit")
	if err != nil {
		return failed(err)
	}
	at, err := fault.Optional(form, "time", a.Now(), parseTime)
	if err != nil {
		return failed(err)
	}
	ctx, cancel, err := withOptions(r, form)
	if err != nil {
		return failed(err)
	}
	defer cancel()
	res, err := a.Language.Instant(ctx, tenant.FromContext(ctx), form.Get("query"), at)
	return a.result(res, err, limit, form)
}

func (a *api) queryRange(r *http.Request, form url.Values) answer {
	limit, err := limitOf(form, "limit")
	if err != nil {
		return failed(err)
	}
	p, err := parseRange(form, a.Engine.MaxPoints())
	if err != nil {
		return failed(err)
	}
	ctx, cancel, err := withOptions(r, form)
	if err != nil {
		return failed(err)
	}
	defer cancel()
	if uncached(r, form) {
		ctx = metricexec.WithoutCache(ctx)
	}
	res, err := a.Language.Range(ctx, tenant.FromContext(ctx), form.Get("query"), p.start, p.end, p.step)
	return a.result(res, err, limit, form)
}

// uncached tells whether a request wants its answer made anew.
func uncached(r *http.Request, form url.Values) bool {
	v := form.Get("nocache")
	return v == "1" || v == "true" || strings.Contains(r.Header.Get("Cache-Control"), "no-store")
}

func (a *api) result(res *metricexec.Result, err error, limit int, form url.Values) answer {
	if err != nil {
		return failed(pointed(fault.Of(err), form.Get("query")))
	}
	v, truncated := truncate(res.Value, limit)
	notes := res.Annotations
	if truncated {
		notes.Add(errTruncated)
	}
	if s := form.Get("stats"); s != "" && s != "true" && s != "all" {
		notes.Add(fmt.Errorf("value %q for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\"", s))
	}
	return answer{
		encode: func(e encoder) {
			var timings any
			if form.Get("stats") != "" {
				timings = res.Timings()
			}
			var how *explained.Document
			if form.Get("explain") == "true" {
				how = explain(res.Explain())
			}
			e.data(v, timings, how)
		},
		annotations: notes, query: res.Query, done: res.Close,
	}
}

// pointed is a failure with the place in the query under its text, which starts
// as Prometheus has it: invalid parameter "query": 1:2: parse error: …
func pointed(f *fault.Error, query string) *fault.Error {
	if f.Code != fault.BadQuery || f.Param != "" {
		return f
	}
	out := *f
	out.Param = "query"
	if f.Position != nil {
		out.Message += "\n" + fault.Caret(query, *f.Position)
	}
	return &out
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
