package nativeclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Metrics is the answer to a metric query.
type Metrics struct {
	Series   []Series `json:"series"`
	Warnings []string `json:"warnings"`

	Raw json.RawMessage `json:"-"` // the document as it came
}

// Series is one line of a result; Times (Unix ms) and Values are parallel.
type Series struct {
	Labels map[string]string `json:"labels"`
	Times  []int64           `json:"times"`
	Values []string          `json:"values"` // decimal, NaN, +Inf, -Inf
}

// MetricQuery asks for an expression at one time, or over a range when Step is set.
type MetricQuery struct {
	Language, Expression string // promql or metricsql
	Start, End           time.Time
	Step                 time.Duration // 0: at End only
	Limit                int
}

// Metrics evaluates q.
func (c *Client) Metrics(ctx context.Context, q MetricQuery) (*Metrics, error) {
	body := map[string]any{
		"language": q.Language, "query": q.Expression, "instant": q.Step == 0,
		"start": q.Start.Format(time.RFC3339Nano), "end": q.End.Format(time.RFC3339Nano),
	}
	if q.Step > 0 {
		body["step"] = q.Step.Seconds()
	} else {
		body["start"] = body["end"]
	}
	if q.Limit > 0 {
		body["limit"] = q.Limit
	}
	raw, err := c.post(ctx, "/api/v1/query", body)
	if err != nil {
		return nil, err
	}
	m := &Metrics{Raw: raw}
	if c.cfg.Arrow {
		return m, nil
	}
	if err := decode(raw, m); err != nil {
		return nil, err
	}
	for _, s := range m.Series {
		if len(s.Times) != len(s.Values) {
			return nil, fmt.Errorf("answer: a series has %d times and %d values", len(s.Times), len(s.Values))
		}
	}
	return m, nil
}

// Logs is a page of log records.
type Logs struct {
	Records    []Record `json:"records"`
	Truncated  bool     `json:"truncated"`
	NextCursor string   `json:"next_cursor"`

	Raw json.RawMessage `json:"-"`
}

// Record is one log record. Body and attribute values keep their JSON types.
type Record struct {
	Time       time.Time      `json:"time"`
	Service    string         `json:"service"`
	Severity   string         `json:"severity"`
	Body       any            `json:"body"`
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	Attributes map[string]any `json:"attributes"`
}

// LogQuery selects log records; zero fields do not restrict.
type LogQuery struct {
	Start, End        time.Time
	Service, Severity string
	Text              string
	Attributes        []string // key=value or key!=value
	TraceID           string
	Limit             int
	Forward           bool
	Cursor            string
}

// Logs searches.
func (c *Client) Logs(ctx context.Context, q LogQuery) (*Logs, error) {
	params := url.Values{}
	set := func(name, value string) {
		if value != "" {
			params.Set(name, value)
		}
	}
	set("start", q.Start.Format(time.RFC3339Nano))
	set("end", q.End.Format(time.RFC3339Nano))
	set("service", q.Service)
	set("severity", q.Severity)
	set("q", q.Text)
	set("trace_id", q.TraceID)
	set("cursor", q.Cursor)
	if q.Limit > 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	if q.Forward {
		set("direction", "forward")
	}
	for _, a := range q.Attributes {
		params.Add("attr", a)
	}
	raw, err := c.get(ctx, "/api/v1/logs", params)
	if err != nil {
		return nil, err
	}
	l := &Logs{Raw: raw}
	if c.cfg.Arrow {
		return l, nil
	}
	return l, decode(raw, l)
}

// Context is a trace with everything that points at it.
type Context struct {
	Trace     Trace `json:"trace"`
	Logs      Logs  `json:"logs"`
	Exemplars struct {
		Items     []Exemplar `json:"items"`
		Truncated bool       `json:"truncated"`
	} `json:"exemplars"`
	Partial []struct {
		Section string `json:"section"`
		Error   any    `json:"error"`
	} `json:"partial"`

	Raw json.RawMessage `json:"-"`
}

// Trace is its spans, depth first.
type Trace struct {
	TraceID    string    `json:"trace_id"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	DurationNS int64     `json:"duration_ns"`
	Services   []string  `json:"services"`
	SpanCount  int       `json:"span_count"`
	Truncated  bool      `json:"truncated"`
	Spans      []Span    `json:"spans"`
}

// Span is one operation.
type Span struct {
	SpanID       string    `json:"span_id"`
	ParentSpanID string    `json:"parent_span_id"`
	Name         string    `json:"name"`
	Kind         string    `json:"kind"`
	Service      string    `json:"service"`
	Start        time.Time `json:"start"`
	DurationNS   int64     `json:"duration_ns"`
	Status       struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
	Depth  int  `json:"depth"`
	Orphan bool `json:"orphan"`
}

// Exemplar is one measured value that carried the trace's ID.
type Exemplar struct {
	Time   time.Time         `json:"time"`
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	Value  any               `json:"value"`
	SpanID string            `json:"span_id"`
}

// Context fetches a trace by ID (32 hexadecimal digits), its logs and its exemplars.
func (c *Client) Context(ctx context.Context, traceID string) (*Context, error) {
	raw, err := c.get(ctx, "/api/v1/traces/"+url.PathEscape(traceID)+"/context", nil)
	if err != nil {
		return nil, err
	}
	t := &Context{Raw: raw}
	return t, decode(raw, t)
}

func decode(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
