package trefoilclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Attributes are an OpenTelemetry attribute set as JSON values under their keys.
type Attributes map[string]json.RawMessage

// Trace is one whole trace, its spans in depth-first order.
type Trace struct {
	TraceID   string `json:"trace_id"`
	SpanCount int    `json:"span_count"`
	Truncated bool   `json:"truncated"`
	Spans     []Span `json:"spans"`
	Cost      Cost   `json:"-"`
}

// Span is one span as Trefoil sends it.
type Span struct {
	SpanID       string     `json:"span_id"`
	ParentSpanID string     `json:"parent_span_id"`
	TraceState   string     `json:"trace_state"`
	Name         string     `json:"name"`
	Kind         string     `json:"kind"`
	Service      string     `json:"service"`
	Start        time.Time  `json:"start"`
	DurationNS   uint64     `json:"duration_ns"`
	Status       Status     `json:"status"`
	Attributes   Attributes `json:"attributes"`
	Resource     Attributes `json:"resource"`
	Scope        Scope      `json:"scope"`
	Events       []Event    `json:"events"`
	Links        []Link     `json:"links"`
	Orphan       bool       `json:"orphan"` // its parent is not in the trace
}

// Status is a span's outcome: Code is UNSET, OK or ERROR.
type Status struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Scope is the instrumentation that made the span.
type Scope struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Event is something that happened within a span.
type Event struct {
	Time       time.Time  `json:"time"`
	Name       string     `json:"name"`
	Attributes Attributes `json:"attributes"`
}

// Link points at a span of this or another trace.
type Link struct {
	TraceID    string     `json:"trace_id"`
	SpanID     string     `json:"span_id"`
	TraceState string     `json:"trace_state"`
	Attributes Attributes `json:"attributes"`
}

// ParseTraceID accepts 32 hex digits, or the 16 of a 64-bit trace ID, which
// OpenTelemetry pads with zeros.
func ParseTraceID(s string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(s))
	if len(id) == 16 {
		id = strings.Repeat("0", 16) + id
	}
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", &Error{Class: BadRequest, Message: fmt.Sprintf("%q is not a trace ID: 32 hexadecimal digits are expected", s)}
	}
	return id, nil
}

// Trace fetches the trace with the given ID, in the form ParseTraceID returns.
func (c *Client) Trace(ctx context.Context, id string) (*Trace, error) {
	var t Trace
	cost, err := c.getJSON(ctx, "api/v1/traces/"+url.PathEscape(id), nil, &t)
	if err != nil {
		return nil, err
	}
	if t.TraceID == "" || len(t.Spans) == 0 {
		return nil, c.malformed(fmt.Errorf("trace %s: no spans", id))
	}
	for i := range t.Spans {
		if t.Spans[i].SpanID == "" {
			return nil, c.malformed(fmt.Errorf("trace %s: span %d: no span_id", id, i))
		}
	}
	t.Cost = cost
	return &t, nil
}

// ServerStatus is what Trefoil says of itself.
type ServerStatus struct {
	Product string `json:"product"`
	Version string `json:"version"`
	Ready   bool   `json:"ready"`
	Engine  struct {
		State   string `json:"state"`
		Version string `json:"version"`
		Error   string `json:"error"` // why it is not ready
	} `json:"engine"`
	Cost Cost `json:"-"`
}

// Status asks who answers at the URL; anything that is not Trefoil is an error.
func (c *Client) Status(ctx context.Context) (*ServerStatus, error) {
	var s ServerStatus
	cost, err := c.getJSON(ctx, "api/v1/status", nil, &s)
	if err != nil {
		return nil, err
	}
	if s.Product != "trefoil" {
		return nil, &Error{Class: NotTrefoil, Status: http.StatusOK,
			Message: fmt.Sprintf("%s answers, but is not Trefoil", c.cfg.URL)}
	}
	s.Cost = cost
	return &s, nil
}
