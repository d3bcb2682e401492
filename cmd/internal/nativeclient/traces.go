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
}

// Traces searches.
func (c *Client) Traces(ctx context.Context, q TraceQuery) (*Traces, error) {
	params := url.Values{"q": {q.Query}, "start": {q.Start.Format(time.RFC3339Nano)}, "end": {q.End.Format(time.RFC3339Nano)}}
	if q.Limit > 0 {
		params.Set("limit", strconv.Itoa(q.Limit))
	}
	raw, err := c.get(ctx, "/api/v1/traces", params)
	if err != nil {
		return nil, err
	}
	t := &Traces{Raw: raw}
	return t, decode(raw, t)
}
