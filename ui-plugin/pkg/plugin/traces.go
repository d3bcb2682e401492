package plugin

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/frames"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

const (
	defaultTraceLimit = 50
	maxTraceLimit     = 1000
)

// spanSearch is the search form of the editor, which becomes TraceQL.
type spanSearch struct {
	Service     string            `json:"service"`
	Operation   string            `json:"operation"`
	MinDuration string            `json:"minDuration"`
	MaxDuration string            `json:"maxDuration"`
	Status      string            `json:"status"` // error, ok, unset or empty
	Attributes  []attributeFilter `json:"attributes"`
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.\-]*$`)

// traceMetrics tells TraceQL that makes series from TraceQL that finds traces.
var traceMetrics = regexp.MustCompile(`\|\s*(rate|[a-z]+_over_time|compare)\s*\(`)

func (d *Datasource) queryTraces(ctx context.Context, q backend.DataQuery, m queryModel) (data.Frames, error) {
	opt := frames.TraceOptions{Source: d.source}
	switch m.TracesMode {
	case "", "id":
		return d.queryTrace(ctx, m)
	case "graph":
		opt.Executed = "GET /api/v1/service-graph"
		g, err := d.client.ServiceGraph(ctx, q.TimeRange.From, q.TimeRange.To)
		if err != nil {
			return nil, err
		}
		return frames.ServiceGraph(g, q.TimeRange.Duration(), opt), nil
	case "search":
		text, err := m.Search.traceQL(m.AdHoc)
		if err != nil {
			return nil, err
		}
		return d.searchTraces(ctx, q, m, text)
	case "traceql":
		if strings.TrimSpace(m.TraceQL) == "" {
			return nil, invalid("the query is empty; { } finds every trace")
		}
		if traceMetrics.MatchString(m.TraceQL) {
			m.Expr, m.Language = m.TraceQL, "traceql"
			return d.queryMetrics(ctx, q, m)
		}
		text, err := withFilters("traceql", m.TraceQL, m.AdHoc)
		if err != nil {
			return nil, err
		}
		return d.searchTraces(ctx, q, m, text)
	default:
		return nil, invalid("traces mode %q is none of id, search, traceql and graph", m.TracesMode)
	}
}

func (d *Datasource) searchTraces(ctx context.Context, q backend.DataQuery, m queryModel, text string) (data.Frames, error) {
	limit := m.TraceLimit
	if limit == 0 {
		limit = defaultTraceLimit
	}
	if limit < 1 || limit > maxTraceLimit {
		return nil, invalid("trace limit %d is not between 1 and %d", limit, maxTraceLimit)
	}
	res, err := d.client.SearchTraces(ctx, text, q.TimeRange.From, q.TimeRange.To, limit)
	if err != nil {
		return nil, err
	}
	if m.Annotation {
		return frames.TraceAnnotations(res, text, d.source), nil
	}
	return frames.Traces(res, frames.TraceOptions{Executed: text, Source: d.source}), nil
}

// traceQL writes the form as one span filter; the dashboard's filters join it.
func (s spanSearch) traceQL(adHoc []attributeFilter) (string, error) {
	var all []string
	add := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if s.Service != "" {
		add("resource.service.name = %s", strconv.Quote(s.Service))
	}
	if s.Operation != "" {
		add("name = %s", strconv.Quote(s.Operation))
	}
	switch s.Status {
	case "":
	case "error", "ok", "unset":
		add("status = %s", s.Status)
	default:
		return "", invalid("status %q is none of error, ok and unset", s.Status)
	}
	for _, bound := range [][2]string{{">=", s.MinDuration}, {"<=", s.MaxDuration}} {
		op, text := bound[0], bound[1]
		if text == "" {
			continue
		}
		took, err := time.ParseDuration(text)
		if long, err2 := model.ParseDuration(text); err != nil && err2 == nil { // has days as well
			took, err = time.Duration(long), nil
		}
		if err != nil || took < 0 {
			return "", invalid("duration %q is no duration such as 250ms", text)
		}
		add("duration %s %s", op, took)
	}
	for _, f := range append(append([]attributeFilter{}, s.Attributes...), adHoc...) {
		if f.Key == "" && f.Value == "" {
			continue
		}
		if _, ok := matchTypes[f.Op]; !ok || f.Key == "" {
			return "", invalid("filter %q %s %q: a name and one of =, !=, =~ and !~ are needed", f.Key, f.Op, f.Value)
		}
		add("%s %s %s", attributeName(f.Key), f.Op, valueOf(f))
	}
	return "{ " + strings.Join(all, " && ") + " }", nil
}

// attributeName writes a key wherever it is set: on the span or its resource.
func attributeName(key string) string {
	if plainKey.MatchString(key) {
		return "." + key
	}
	return "." + strconv.Quote(key)
}

// valueOf leaves numbers and booleans bare, since TraceQL compares by type.
func valueOf(f attributeFilter) string {
	if f.Op == "=" || f.Op == "!=" {
		if _, err := strconv.ParseFloat(f.Value, 64); err == nil || f.Value == "true" || f.Value == "false" {
			return f.Value
		}
	}
	return strconv.Quote(f.Value)
}

func (d *Datasource) queryTrace(ctx context.Context, m queryModel) (data.Frames, error) {
	id, err := trefoilclient.ParseTraceID(m.TraceID)
	if err != nil {
		return nil, err
	}
	t, err := d.client.Trace(ctx, id)
	if trefoilclient.ClassOf(err) == trefoilclient.NotFound && err != nil {
		return nil, &trefoilclient.Error{Class: trefoilclient.NotFound, Err: err, Message: d.unknownTrace(id)}
	}
	if err != nil {
		return nil, err
	}
	return frames.Trace(t, frames.TraceOptions{Executed: "GET /api/v1/traces/" + id, Source: d.source})
}

func (d *Datasource) unknownTrace(id string) string {
	tenant := d.client.Tenant()
	if tenant == "" {
		tenant = "default"
	}
	return fmt.Sprintf("trace %s is not known to tenant %q; it may be past retention, or not have arrived yet", id, tenant)
}
