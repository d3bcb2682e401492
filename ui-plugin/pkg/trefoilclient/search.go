package trefoilclient

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// TraceFound is one trace of a search.
type TraceFound struct {
	TraceID    string    `json:"trace_id"`
	Service    string    `json:"root_service"`
	Name       string    `json:"root_name"`
	Start      time.Time `json:"start"`
	DurationNS int64     `json:"duration_ns"`
	Spans      int64     `json:"span_count"`
	Errors     int64     `json:"error_count"`
}

// TracesFound are the newest traces that match; Partial says why there may be more.
type TracesFound struct {
	Traces  []TraceFound `json:"traces"`
	Partial string       `json:"partial"`
	Cost    Cost         `json:"-"`
}

// SearchTraces runs a TraceQL search over [start, end).
func (c *Client) SearchTraces(ctx context.Context, query string, start, end time.Time, limit int) (*TracesFound, error) {
	var out TracesFound
	var err error
	out.Cost, err = c.getJSON(ctx, "api/v1/traces",
		url.Values{"q": {query}, "start": {formatTime(start)}, "end": {formatTime(end)}, "limit": {strconv.Itoa(limit)}}, &out)
	return &out, err
}

// Edge is how one service called another.
type Edge struct {
	Client   string  `json:"client"`
	Server   string  `json:"server"`
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"`
	P50NS    float64 `json:"p50_ns"`
	P99NS    float64 `json:"p99_ns"`
}

// ServiceGraph is which services called which.
type ServiceGraph struct {
	Edges     []Edge `json:"edges"`
	Truncated bool   `json:"truncated"`
	Cost      Cost   `json:"-"`
}

// ServiceGraph reads it over [start, end).
func (c *Client) ServiceGraph(ctx context.Context, start, end time.Time) (*ServiceGraph, error) {
	var out ServiceGraph
	var err error
	out.Cost, err = c.getJSON(ctx, "api/v1/service-graph", url.Values{"start": {formatTime(start)}, "end": {formatTime(end)}}, &out)
	return &out, err
}
