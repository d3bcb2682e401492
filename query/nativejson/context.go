package nativejson

import (
	"encoding/hex"
	"math"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// Partial says why a section of an answer is missing.
type Partial struct {
	Section string    `json:"section"`
	Error   ErrorInfo `json:"error"`
}

// Context is all that is known of a trace.
type Context struct {
	Trace     *Trace     `json:"trace"`
	Logs      *Logs      `json:"logs"`
	Exemplars *Exemplars `json:"exemplars"`
	NearLogs  *Logs      `json:"near_logs"`
	RED       []RED      `json:"red"`
	// Saturation is of the services of RED, at the same steps.
	Saturation []Saturation      `json:"saturation"`
	Alerts     []FiringAlert     `json:"alerts"`
	Links      map[string]string `json:"links"`
	Partial    []Partial         `json:"partial"`
}

// Saturation is a series of how full something of a service was.
type Saturation struct {
	Metric  string    `json:"metric"`
	Service string    `json:"service"`
	Times   []int64   `json:"times"` // Unix ms
	Values  []float64 `json:"values"`
}

// ContextOf makes the answer about a trace; labels are those of a series.
func ContextOf(id [16]byte, c *correlate.Context, labels func(*metricstore.SeriesRow) map[string]string) *Context {
	out := &Context{Links: links(id, c.Trace), Partial: []Partial{}, RED: []RED{}, Saturation: []Saturation{}, Alerts: alertsOf(c.Alerts)}
	render := NewRenderer()
	if c.Trace != nil {
		out.Trace = render.Trace(id, c.Trace)
	}
	if c.Logs != nil {
		out.Logs = render.Logs(c.Logs)
		out.Logs.NextCursor = "" // pages are the business of the link to the logs
	}
	if c.Exemplars != nil {
		out.Exemplars = render.Exemplars(c.Exemplars, labels)
	}
	if c.NearLogs != nil {
		out.NearLogs = render.Logs(c.NearLogs)
		out.NearLogs.NextCursor = ""
	}
	for i := range c.RED {
		out.RED = append(out.RED, REDOf(&c.RED[i], c.REDFrom, int64(correlate.REDStep)))
	}
	for _, s := range c.Saturation {
		out.Saturation = append(out.Saturation, Saturation{s.Metric, s.Service, s.Times, finite(s.Values)})
	}
	for _, f := range c.Failures {
		out.Partial = append(out.Partial, Partial{f.Section, infoOf(f.Err)})
	}
	return out
}

// finite is values with 0 for what JSON cannot say.
func finite(values []float64) []float64 {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			values[i] = 0
		}
	}
	return values
}

// links are the requests for more of a trace.
func links(id [16]byte, t *correlate.Trace) map[string]string {
	text := hex.EncodeToString(id[:])
	logs := url.Values{"trace_id": {text}, "direction": {"forward"}}
	if t != nil {
		const hour = 3_600_000_000_000
		logs.Set("start", TimeText(t.Start-hour))
		logs.Set("end", TimeText(t.End+hour))
	}
	return map[string]string{
		"self":          "/api/v1/traces/" + text + "/context",
		"trace":         "/api/v1/traces/" + text,
		"logs":          "/api/v1/logs?" + logs.Encode(),
		"critical_path": "/api/v1/traces/" + text + "/critical-path",
	}
}
