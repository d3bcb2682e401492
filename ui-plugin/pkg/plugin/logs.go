package plugin

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/frames"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

const (
	defaultLineLimit = 1000
	maxLineLimit     = 100_000
)

func (d *Datasource) queryLogs(ctx context.Context, q backend.DataQuery, m queryModel) (data.Frames, error) {
	if m.LogVolume {
		return d.logVolume(ctx, q, m)
	}
	if m.writesLogQL() {
		series, err := d.makesSeries(ctx, d.expand(m.LogQL, q))
		if err != nil {
			return nil, err
		}
		if series {
			m.Expr, m.Language = m.LogQL, "logql"
			return d.queryMetrics(ctx, q, m)
		}
	}
	lq, err := d.logQuery(m, q)
	if err != nil {
		return nil, err
	}
	res, err := d.client.Logs(ctx, lq)
	if err != nil {
		return nil, err
	}
	executed := "GET /" + lq.Path() + "?" + lq.Values().Encode()
	if m.Annotation {
		return frames.LogAnnotations(res, executed, d.source), nil
	}
	return frames.Logs(res, frames.LogOptions{Executed: executed, Limit: lq.Limit, Search: lq.Text, Source: d.source}), nil
}

// writesLogQL tells LogQL, as code or from the builder, from the search form.
func (m *queryModel) writesLogQL() bool { return m.LogsMode == "code" || m.LogsMode == "builder" }

// makesSeries tells LogQL that counts from LogQL that finds lines. The latter
// begins with its selector; only of other text does Trefoil have to be asked.
func (d *Datasource) makesSeries(ctx context.Context, logQL string) (bool, error) {
	switch text := strings.TrimSpace(logQL); {
	case text == "":
		return false, invalid("the query is empty; {} finds every line")
	case text[0] == '{':
		return false, nil
	}
	kind, err := d.client.Check(ctx, "logql", logQL)
	return kind != trefoilclient.KindLines, err
}

// logVolume counts the lines of a query by level, for the bars over them.
func (d *Datasource) logVolume(ctx context.Context, q backend.DataQuery, m queryModel) (data.Frames, error) {
	lq, err := d.logQuery(m, q)
	if err != nil {
		return nil, err
	}
	lines := lq.LogQL
	if lines == "" {
		lines = asLogQL(lq)
	}
	m.Expr, m.Language, m.Step, m.Instant, m.AdHoc = fmt.Sprintf("sum by (detected_level) (count_over_time(%s [$__interval]))", lines), "logql", "", false, nil
	mq, err := d.metricQuery(q, m)
	if err != nil {
		return nil, err
	}
	res, err := d.client.Metrics(ctx, mq)
	if err != nil {
		return nil, err
	}
	return frames.LogVolume(res, "Expr: "+mq.Query+"\nStep: "+mq.Step.String()), nil
}

// severities are the least severity numbers of OpenTelemetry's names.
var severities = map[string]int{"": 0, "TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}

// logQuery is a search as Trefoil is asked for it. What the form's own search
// cannot say, a dashboard's filters by regular expression, it says in LogQL.
func (d *Datasource) logQuery(m queryModel, q backend.DataQuery) (trefoilclient.LogQuery, error) {
	lq := trefoilclient.LogQuery{Start: q.TimeRange.From, End: q.TimeRange.To, Limit: m.LineLimit, Forward: m.Forward}
	if lq.Limit == 0 {
		lq.Limit = defaultLineLimit
	}
	if lq.Limit < 1 || lq.Limit > maxLineLimit {
		return lq, invalid("line limit %d is not between 1 and %d", lq.Limit, maxLineLimit)
	}
	var err error
	if m.writesLogQL() {
		if strings.TrimSpace(m.LogQL) == "" {
			return lq, invalid("the query is empty; {} finds every line")
		}
		lq.LogQL, err = withFilters("logql", d.expand(m.LogQL, q), m.AdHoc)
		return lq, err
	}
	lq.Service, lq.Severity, lq.Text = m.Service, strings.ToUpper(m.Severity), m.Text
	lq.TraceID, lq.SpanID = strings.TrimSpace(m.LogTraceID), strings.TrimSpace(m.LogSpanID)
	if _, known := severities[lq.Severity]; !known {
		return lq, invalid("severity %q is none of TRACE, DEBUG, INFO, WARN, ERROR and FATAL", m.Severity)
	}
	var patterns []attributeFilter
	for _, a := range slices.Concat(m.Attributes, m.AdHoc) {
		switch {
		case a.Key == "" && a.Value == "": // a row of the editor not filled in yet
		case a.Key == "" || strings.ContainsAny(a.Key, "=!"):
			return lq, invalid("attribute name %q must not be empty or hold = or !", a.Key)
		case a.Op == "=~" || a.Op == "!~":
			patterns = append(patterns, a)
		case a.Op == "=" || a.Op == "!=":
			lq.Attributes = append(lq.Attributes, trefoilclient.Filter(a))
		default:
			return lq, invalid("attribute %s: operator %q is none of =, !=, =~ and !~", a.Key, a.Op)
		}
	}
	if len(patterns) > 0 {
		lq.LogQL, err = withFilters("logql", asLogQL(lq), patterns)
	}
	return lq, err
}

// expand puts the values of Grafana's macros into LogQL.
func (d *Datasource) expand(logQL string, q backend.DataQuery) string {
	return expandMacros(logQL, q.TimeRange, stepOf(q, 0), d.settings.scrapeInterval)
}

// asLogQL writes a search of the form as a query of the same lines.
func asLogQL(q trefoilclient.LogQuery) string {
	var labels []string
	add := func(key, op, value string) { labels = append(labels, logLabel(key)+op+strconv.Quote(value)) }
	for _, f := range []trefoilclient.Filter{{Key: "service_name", Value: q.Service}, {Key: "trace_id", Value: q.TraceID}, {Key: "span_id", Value: q.SpanID}} {
		if f.Value != "" {
			add(f.Key, "=", f.Value)
		}
	}
	for _, f := range q.Attributes {
		add(f.Key, f.Op, f.Value)
	}
	out := "{" + strings.Join(labels, ", ") + "}"
	if q.Text != "" {
		out += " |~ " + strconv.Quote("(?i)"+regexp.QuoteMeta(q.Text))
	}
	if least := severities[q.Severity]; least > 0 {
		out += fmt.Sprintf(" | severity_number >= %d", least)
	}
	return out
}

var notInLabel = regexp.MustCompile(`[^A-Za-z0-9_]`)

// logLabel is an attribute's key as LogQL names it.
func logLabel(key string) string {
	name := notInLabel.ReplaceAllString(key, "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}
