package nativeapi

import (
	"encoding/json"

	"github.com/trefoil-o11y/trefoil/query/explained"
)

// The shapes below are the JSON of openapi.yaml; a test holds the two together.

type statusBody struct {
	Product string       `json:"product"`
	Version string       `json:"version"`
	Ready   bool         `json:"ready"`
	Engine  engineStatus `json:"engine"`
	Time    string       `json:"time"`
}

type engineStatus struct {
	State   string `json:"state"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}

type scope struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Attributes json.RawMessage `json:"attributes"`
}

type logRecord struct {
	ID             string          `json:"id"`
	Time           string          `json:"time"`
	ObservedTime   string          `json:"observed_time"`
	Service        string          `json:"service"`
	Severity       string          `json:"severity"`
	SeverityNumber uint8           `json:"severity_number"`
	SeverityText   string          `json:"severity_text"`
	Body           json.RawMessage `json:"body"`
	TraceID        string          `json:"trace_id"`
	SpanID         string          `json:"span_id"`
	Flags          uint32          `json:"flags"`
	EventName      string          `json:"event_name"`
	Attributes     json.RawMessage `json:"attributes"`
	Resource       json.RawMessage `json:"resource"`
	Scope          scope           `json:"scope"`
}

type logsBody struct {
	Records    []logRecord `json:"records"`
	NextCursor string      `json:"next_cursor,omitempty"`
	Truncated  bool        `json:"truncated"`
}

type spanStatus struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type spanEvent struct {
	Time       string          `json:"time"`
	Name       string          `json:"name"`
	Attributes json.RawMessage `json:"attributes"`
}

type spanLink struct {
	TraceID    string          `json:"trace_id"`
	SpanID     string          `json:"span_id"`
	TraceState string          `json:"trace_state"`
	Attributes json.RawMessage `json:"attributes"`
}

type span struct {
	TraceID      string          `json:"trace_id,omitempty"` // where spans are of several traces
	SpanID       string          `json:"span_id"`
	ParentSpanID string          `json:"parent_span_id"`
	TraceState   string          `json:"trace_state"`
	Flags        uint32          `json:"flags"`
	Name         string          `json:"name"`
	Kind         string          `json:"kind"`
	Service      string          `json:"service"`
	Start        string          `json:"start"`
	DurationNS   uint64          `json:"duration_ns"`
	Status       spanStatus      `json:"status"`
	Attributes   json.RawMessage `json:"attributes"`
	Resource     json.RawMessage `json:"resource"`
	Scope        scope           `json:"scope"`
	Events       []spanEvent     `json:"events"`
	Links        []spanLink      `json:"links"`
	Depth        int             `json:"depth"`
	Children     []string        `json:"children"`
	Orphan       bool            `json:"orphan"`
}

type traceBody struct {
	TraceID    string   `json:"trace_id"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	DurationNS int64    `json:"duration_ns"`
	Services   []string `json:"services"`
	SpanCount  int      `json:"span_count"`
	Truncated  bool     `json:"truncated"`
	Spans      []span   `json:"spans"`
	// Where Spans are not all of the trace.
	NextCursor string         `json:"next_cursor,omitempty"`
	Summary    []serviceShare `json:"summary,omitempty"`
}

type serviceShare struct {
	Service string `json:"service"`
	Spans   uint64 `json:"spans"`
	Errors  uint64 `json:"errors"`
	Start   string `json:"start"`
	End     string `json:"end"`
	BusyNS  uint64 `json:"busy_ns"`
}

type exemplarItem struct {
	Time       string            `json:"time"`
	Metric     string            `json:"metric"`
	Labels     map[string]string `json:"labels"`
	Value      json.RawMessage   `json:"value"`
	TraceID    string            `json:"trace_id"`
	SpanID     string            `json:"span_id"`
	Attributes json.RawMessage   `json:"attributes"`
}

type exemplarsSection struct {
	Items     []exemplarItem `json:"items"`
	Truncated bool           `json:"truncated"`
}

type partial struct {
	Section string    `json:"section"`
	Error   errorInfo `json:"error"`
}

type contextBody struct {
	Trace     *traceBody        `json:"trace"`
	Logs      *logsBody         `json:"logs"`
	Exemplars *exemplarsSection `json:"exemplars"`
	NearLogs  *logsBody         `json:"near_logs"`
	RED       []redRow          `json:"red"`
	// Saturation is of the services of RED, at the same steps.
	Saturation []saturationItem  `json:"saturation"`
	Alerts     []firingAlert     `json:"alerts"`
	Links      map[string]string `json:"links"`
	Partial    []partial         `json:"partial"`
}

type saturationItem struct {
	Metric  string    `json:"metric"`
	Service string    `json:"service"`
	Times   []int64   `json:"times"` // Unix ms
	Values  []float64 `json:"values"`
}

type alertItem struct {
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	State       string            `json:"state"`
	Value       json.RawMessage   `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	ActiveAt    string            `json:"active_at,omitempty"`
	FiredAt     string            `json:"fired_at,omitempty"`
	ResolvedAt  string            `json:"resolved_at,omitempty"`
}

type alertsBody struct {
	Alerts    []alertItem `json:"alerts"`
	Truncated bool        `json:"truncated"`
}

type alertEvent struct {
	Time        string            `json:"time"`
	Event       string            `json:"event"`
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	Value       json.RawMessage   `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Receiver    string            `json:"receiver,omitempty"`
}

type alertHistoryBody struct {
	Events    []alertEvent `json:"events"`
	Truncated bool         `json:"truncated"`
}

type metricSeries struct {
	Labels     map[string]string `json:"labels"`
	Times      []int64           `json:"times"`
	Values     []string          `json:"values"`
	Histograms json.RawMessage   `json:"histograms,omitempty"`
}

type queryStats struct {
	Series    int   `json:"series"`
	Samples   int64 `json:"samples"`
	ElapsedMS int64 `json:"elapsed_ms"`
}

type metricBody struct {
	Kind     string              `json:"kind"`
	Series   []metricSeries      `json:"series"`
	Warnings []string            `json:"warnings"`
	Stats    queryStats          `json:"stats"`
	Explain  *explained.Document `json:"explain,omitempty"`
}

type namesBody struct {
	Names     []string `json:"names"`
	Truncated bool     `json:"truncated"`
}

type valuesBody struct {
	Values    []string `json:"values"`
	Truncated bool     `json:"truncated"`
}

type servicesBody struct {
	Services  []string `json:"services"`
	Truncated bool     `json:"truncated"`
}
