package trefoilclient

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"time"
)

// Number is a JSON number, or NaN, Infinity or -Infinity as text.
type Number float64

// Float is the number.
func (n Number) Float() float64 { return float64(n) }

// UnmarshalJSON reads either form.
func (n *Number) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		switch text {
		case "Infinity":
			*n = Number(math.Inf(1))
			return nil
		case "-Infinity":
			*n = Number(math.Inf(-1))
			return nil
		case "NaN":
			*n = Number(math.NaN())
			return nil
		}
	}
	var f float64
	err := json.Unmarshal(b, &f)
	*n = Number(f)
	return err
}

// Alert is one alert as the last evaluation of its rule left it.
type Alert struct {
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	State       string            `json:"state"` // pending, firing or resolved
	Value       Number            `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	ActiveAt    time.Time         `json:"active_at"`
}

// AlertList is what was asked for, cut at the limit.
type AlertList struct {
	Alerts    []Alert `json:"alerts"`
	Truncated bool    `json:"truncated"`
	Cost      Cost    `json:"-"`
}

// AlertEvent is one change of an alert, or a notification of it.
type AlertEvent struct {
	Time        time.Time         `json:"time"`
	Event       string            `json:"event"`
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	Value       Number            `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Receiver    string            `json:"receiver"`
}

// AlertHistory is newest first, cut at the limit.
type AlertHistory struct {
	Events    []AlertEvent `json:"events"`
	Truncated bool         `json:"truncated"`
	Cost      Cost         `json:"-"`
}

// Alerts lists the alerts that are pending or firing.
func (c *Client) Alerts(ctx context.Context, limit int) (*AlertList, error) {
	var out AlertList
	var err error
	out.Cost, err = c.getJSON(ctx, "api/v1/alerts", url.Values{"limit": {strconv.Itoa(limit)}}, &out)
	return &out, err
}

// AlertHistory lists what happened to alerts in [start, end).
func (c *Client) AlertHistory(ctx context.Context, start, end time.Time, limit int) (*AlertHistory, error) {
	var out AlertHistory
	var err error
	out.Cost, err = c.getJSON(ctx, "api/v1/alerts/history",
		url.Values{"limit": {strconv.Itoa(limit)}, "start": {formatTime(start)}, "end": {formatTime(end)}}, &out)
	return &out, err
}

// Exemplar is one measurement that names the trace it was made in.
type Exemplar struct {
	Time            time.Time         `json:"time"`
	Value           Number            `json:"value"`
	Labels          map[string]string `json:"labels"` // of its series
	TraceID, SpanID string
}

// UnmarshalJSON reads the API's names.
func (e *Exemplar) UnmarshalJSON(b []byte) error {
	type plain Exemplar
	out := struct {
		*plain
		TraceID string `json:"trace_id"`
		SpanID  string `json:"span_id"`
	}{plain: (*plain)(e)}
	if err := json.Unmarshal(b, &out); err != nil {
		return err
	}
	e.TraceID, e.SpanID = out.TraceID, out.SpanID
	return nil
}

// Exemplars lists those of the series that an expression's selectors find.
func (c *Client) Exemplars(ctx context.Context, expr string, start, end time.Time, limit int) ([]Exemplar, error) {
	var out struct {
		Items []Exemplar `json:"items"`
	}
	_, err := c.getJSON(ctx, "api/v1/exemplars",
		url.Values{"query": {expr}, "start": {formatTime(start)}, "end": {formatTime(end)}, "limit": {strconv.Itoa(limit)}}, &out)
	return out.Items, err
}
