package nativejson

import (
	"encoding/hex"

	"github.com/trefoil-o11y/trefoil/query/correlate"
)

// CriticalPath is the spans a trace waited for.
type CriticalPath struct {
	TraceID   string    `json:"trace_id"`
	Truncated bool      `json:"truncated"`
	Path      []Stretch `json:"path"`
}

// Stretch is a time in which a trace waited for a span.
type Stretch struct {
	SpanID     string `json:"span_id"`
	Service    string `json:"service"`
	Name       string `json:"name"`
	Start      string `json:"start"`
	DurationNS int64  `json:"duration_ns"`
}

// CriticalPathOf computes the critical path of a trace.
func CriticalPathOf(id [16]byte, t *correlate.Trace) *CriticalPath {
	body := &CriticalPath{hex.EncodeToString(id[:]), t.Truncated, []Stretch{}}
	for _, st := range correlate.CriticalPath(t.Spans) {
		s := &t.Spans[st.Span]
		body.Path = append(body.Path, Stretch{IDText(s.SpanID[:]), s.Service, s.Name, TimeText(st.Start), st.End - st.Start})
	}
	return body
}

// OperationPath is the critical path of an operation over many traces.
type OperationPath struct {
	Traces int         `json:"traces"`
	TimeNS int64       `json:"time_ns"`
	Shares []PathShare `json:"shares"`
}

// PathShare is an operation's share of critical paths.
type PathShare struct {
	Service string  `json:"service"`
	Name    string  `json:"name"`
	TimeNS  int64   `json:"time_ns"`
	Share   float64 `json:"share"`
	Traces  int     `json:"traces"`
}

// OperationPathOf makes the answer about an operation.
func OperationPathOf(p *correlate.PathOf) *OperationPath {
	body := &OperationPath{p.Traces, p.Time, []PathShare{}}
	for _, s := range p.Shares {
		body.Shares = append(body.Shares, PathShare{s.Service, s.Name, s.Time, s.Share, s.Traces})
	}
	return body
}
