package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/bulkframe"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/frames"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// queryModel is the query as the editor saves it; src/types.ts mirrors it. Each
// signal has its own fields, so that switching tabs keeps what was typed.
type queryModel struct {
	Expr         string `json:"expr"`
	Language     string `json:"language"`
	LegendFormat string `json:"legendFormat"`
	Instant      bool   `json:"instant"`
	Step         string `json:"step"`
	Format       string `json:"format"` // time_series, table or heatmap
	Exemplars    bool   `json:"exemplars"`

	LogsMode   string            `json:"logsMode"` // search, builder or code; the last two are LogQL
	LogQL      string            `json:"logql"`
	LogVolume  bool              `json:"logVolume"` // how many lines of each level instead of lines
	Service    string            `json:"service"`
	Severity   string            `json:"severity"`
	Text       string            `json:"text"`
	Attributes []attributeFilter `json:"attributes"`
	LineLimit  int               `json:"lineLimit"`
	LogTraceID string            `json:"logTraceId"`
	LogSpanID  string            `json:"logSpanId"`
	Forward    bool              `json:"forward"`

	TracesMode string     `json:"tracesMode"` // id, search, traceql or graph
	TraceID    string     `json:"traceId"`
	TraceQL    string     `json:"traceql"`
	Search     spanSearch `json:"search"`
	TraceLimit int        `json:"traceLimit"`

	AlertsMode string `json:"alertsMode"` // list or history

	// Annotation asks for lines or traces in the form of a dashboard's annotations.
	Annotation bool `json:"annotation"`

	// AdHoc are a dashboard's own filters, for whatever signal is asked.
	AdHoc []attributeFilter `json:"adhocFilters"`
}

type attributeFilter struct {
	Key   string `json:"key"`
	Op    string `json:"op"`
	Value string `json:"value"`
}

// invalidQuery is a mistake in the query, found before Trefoil is asked.
type invalidQuery struct{ message string }

func (e *invalidQuery) Error() string { return e.message }

func invalid(format string, a ...any) error { return &invalidQuery{fmt.Sprintf(format, a...)} }

func (d *Datasource) query(ctx context.Context, q backend.DataQuery) (data.Frames, error) {
	var m queryModel
	if err := json.Unmarshal(q.JSON, &m); err != nil {
		return nil, invalid("the query cannot be read: %v", err)
	}
	switch q.QueryType {
	case "metrics", "":
		return d.queryMetrics(ctx, q, m)
	case "logs":
		return d.queryLogs(ctx, q, m)
	case "traces":
		return d.queryTraces(ctx, q, m)
	case "alerts":
		return d.queryAlerts(ctx, q, m)
	default:
		return nil, invalid("query type %q is none of metrics, logs, traces and alerts", q.QueryType)
	}
}

func (d *Datasource) queryMetrics(ctx context.Context, q backend.DataQuery, m queryModel) (data.Frames, error) {
	mq, err := d.metricQuery(q, m)
	if err != nil {
		return nil, err
	}
	res, err := d.client.Metrics(ctx, mq)
	if err != nil {
		return nil, err
	}
	executed := "Expr: " + mq.Query
	if !mq.Instant {
		executed += "\nStep: " + mq.Step.String()
	}
	opt := frames.MetricOptions{Instant: m.Instant, Legend: m.LegendFormat, Executed: executed}
	switch m.Format {
	case "", "time_series":
	case "table":
		return frames.MetricTable(res, opt), nil
	case "heatmap":
		return frames.Heatmap(res, opt), nil
	default:
		return nil, invalid("format %q is none of time_series, table and heatmap", m.Format)
	}
	bulk, isBulk := bulkMetrics(ctx, res, opt)
	out := data.Frames{bulk.Schema}
	if !isBulk {
		out = frames.Metrics(res, opt)
	}
	if m.Exemplars && !m.Instant {
		out = append(out, d.exemplars(ctx, mq, out[0])...)
	}
	if isBulk {
		bulk.Schema.RefID = q.RefID
		if out[0], err = bulkframe.StandIn(ctx, bulk); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bulkMetrics is the one frame that holds all series, where it can be sent with
// its columns where they are.
func bulkMetrics(ctx context.Context, res *trefoilclient.MetricResult, opt frames.MetricOptions) (bulkframe.Frame, bool) {
	if !bulkframe.Attached(ctx) {
		return bulkframe.Frame{}, false
	}
	schema, ok := frames.MetricsWithoutRows(res, opt)
	if !ok {
		return bulkframe.Frame{}, false
	}
	f := bulkframe.Frame{Schema: schema, Times: res.Series[0].Times, Values: make([][]float64, len(res.Series)), Sent: res.Release}
	for i, s := range res.Series {
		f.Values[i] = s.Values
	}
	return f, true
}

// maxExemplars is how many points a panel is still readable with.
const maxExemplars = 500

// exemplars adds to an answer what can be missing from it: their failure is a
// notice on the first frame.
func (d *Datasource) exemplars(ctx context.Context, mq trefoilclient.MetricQuery, first *data.Frame) data.Frames {
	found, err := d.client.Exemplars(ctx, mq.Query, mq.Start, mq.End, maxExemplars)
	if err != nil {
		first.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "Without exemplars: " + err.Error()})
		return nil
	}
	return frames.Exemplars(found, d.source)
}

// maxAlerts is how many a table is still readable with.
const maxAlerts = 1000

func (d *Datasource) queryAlerts(ctx context.Context, q backend.DataQuery, m queryModel) (data.Frames, error) {
	opt := frames.AlertOptions{Source: d.source}
	switch m.AlertsMode {
	case "", "list":
		opt.Executed = "GET /api/v1/alerts"
		res, err := d.client.Alerts(ctx, maxAlerts)
		if err != nil {
			return nil, err
		}
		return frames.Alerts(res, opt), nil
	case "history":
		opt.Executed = "GET /api/v1/alerts/history"
		res, err := d.client.AlertHistory(ctx, q.TimeRange.From, q.TimeRange.To, maxAlerts)
		if err != nil {
			return nil, err
		}
		return frames.AlertHistory(res, opt), nil
	default:
		return nil, invalid("alerts mode %q is neither list nor history", m.AlertsMode)
	}
}

func (d *Datasource) metricQuery(q backend.DataQuery, m queryModel) (trefoilclient.MetricQuery, error) {
	mq := trefoilclient.MetricQuery{Language: m.Language, Start: q.TimeRange.From, End: q.TimeRange.To, Instant: m.Instant}
	switch mq.Language {
	case "":
		mq.Language = "promql"
	case "promql", "metricsql", "logql", "traceql": // the last two are set by queries of logs and traces
	default:
		return mq, invalid("language %q is neither promql nor metricsql", m.Language)
	}
	if strings.TrimSpace(m.Expr) == "" {
		return mq, invalid("the expression is empty")
	}
	var fixed time.Duration
	if m.Step != "" {
		step, err := model.ParseDuration(m.Step)
		if err != nil || step <= 0 {
			return mq, invalid("step %q is no duration such as 30s", m.Step)
		}
		fixed = time.Duration(step)
	}
	mq.Step = stepOf(q, fixed)
	if !mq.Instant {
		mq.Start, mq.End = alignDown(mq.Start, mq.Step), alignDown(mq.End, mq.Step)
	}
	mq.Query = expandMacros(m.Expr, q.TimeRange, mq.Step, d.settings.scrapeInterval)
	var err error
	mq.Query, err = withFilters(mq.Language, mq.Query, m.AdHoc)
	return mq, err
}
