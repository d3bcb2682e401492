package nativeclient

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// Traces is what a TraceQL query found, the newest first.
type Traces struct {
	Traces  []TraceFound `json:"traces"`
	Partial string       `json:"partial"` // why there may be more
	Explain *Explanation `json:"explain"`

	Raw json.RawMessage `json:"-"`
}

// TraceFound is one trace and how many of its spans match.
type TraceFound struct {
	TraceID    string    `json:"trace_id"`
	Service    string    `json:"root_service"`
	Name       string    `json:"root_name"`
	Start      time.Time `json:"start"`
	DurationNS int64     `json:"duration_ns"`
	Spans      int       `json:"span_count"`
	Errors     int       `json:"error_count"`
	Sets       []struct {
		Matched int               `json:"matched"`
		Results map[string]string `json:"results"`
	} `json:"spansets"`
}

// TraceQuery asks for traces.
type TraceQuery struct {
	Query      string
	Start, End time.Time
	Limit      int
	Explain    bool
}

func (q TraceQuery) params() url.Values {
	params := url.Values{"q": {q.Query}, "start": {q.Start.Format(time.RFC3339Nano)}, "end": {q.End.Format(time.RFC3339Nano)}}
	if q.Limit > 0 {
		params.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Explain {
		params.Set("explain", "true")
	}
	return params
}

// Traces searches.
func (c *Client) Traces(ctx context.Context, q TraceQuery) (*Traces, error) {
	raw, err := c.get(ctx, "/api/v1/traces", q.params())
	if err != nil {
		return nil, err
	}
	t := &Traces{Raw: raw}
	return t, decode(raw, t)
}

// Explanation is how a query was answered.
type Explanation struct {
	Plan    []string `json:"plan"`
	Selects []struct {
		Op    string  `json:"op"`
		SQL   string  `json:"sql"`
		Rows  uint64  `json:"rows"`
		Bytes uint64  `json:"bytes"`
		MS    float64 `json:"ms"`
	} `json:"selects"`
}

// Joined is the answer to a query over three signals. Signal names the list that
// it is about.
type Joined struct {
	Signal string `json:"signal"` // groups, spans, logs or exemplars
	Groups []struct {
		Values    map[string]string `json:"values"`
		Traces    int               `json:"traces"`
		Spans     int               `json:"spans"`
		Logs      int               `json:"logs"`
		Exemplars int               `json:"exemplars"`
		Example   struct {
			TraceID string `json:"trace_id"`
		} `json:"example"`
	} `json:"groups"`
	Spans     []JoinedSpan     `json:"spans"`
	Logs      []Record         `json:"logs"`
	Exemplars []JoinedExemplar `json:"exemplars"`
	Truncated bool             `json:"truncated"`
	Explain   *Explanation     `json:"explain"`

	Raw json.RawMessage `json:"-"`
}

// JoinedSpan is a span of one of several traces.
type JoinedSpan struct {
	TraceID string `json:"trace_id"`
	Span
}

// JoinedExemplar is an exemplar of one of several traces.
type JoinedExemplar struct {
	TraceID string `json:"trace_id"`
	Exemplar
}

// Join asks over three signals.
func (c *Client) Join(ctx context.Context, q TraceQuery) (*Joined, error) {
	raw, err := c.get(ctx, "/api/v1/join", q.params())
	if err != nil {
		return nil, err
	}
	j := &Joined{Raw: raw}
	return j, decode(raw, j)
}
