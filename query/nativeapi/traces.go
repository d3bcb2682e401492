package nativeapi

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func traceIDOf(r *http.Request) ([16]byte, error) {
	if _, err := parameters(r); err != nil {
		return [16]byte{}, err
	}
	id, err := parseTraceID(r.PathValue("id"))
	if err != nil {
		return id, fault.Param("id", err)
	}
	return id, nil
}

// trace answers a trace or, of one that is larger than the limit, a page of it.
func (a *api) trace(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "limit", "cursor")
	if err != nil {
		return err
	}
	id, err := parseTraceID(r.PathValue("id"))
	if err != nil {
		return fault.Param("id", err)
	}
	limit, err := parseLimit(form, a.Correlator.MaxSpans, max(a.Correlator.MaxSpans, tracestore.DefaultLimit))
	if err != nil {
		return err
	}
	var after *tracestore.SpanCursor
	if text := form.Get("cursor"); text != "" {
		c, err := parseCursor(text)
		if err != nil {
			return fault.Param("cursor", err)
		}
		after = &tracestore.SpanCursor{Start: c.Time}
		binary.BigEndian.PutUint64(after.SpanID[:], c.ID)
	}
	t, err := a.Correlator.TracePage(r.Context(), tenantOf(r), id, after, limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newRenderer().trace(id, t))
	return nil
}

func (a *api) context(w http.ResponseWriter, r *http.Request) error {
	id, err := traceIDOf(r)
	if err != nil {
		return err
	}
	c, err := a.Correlator.Context(r.Context(), tenantOf(r), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, a.contextBody(id, c))
	return nil
}

func (a *api) contextBody(id [16]byte, c *correlate.Context) *contextBody {
	out := &contextBody{Links: links(id, c.Trace), Partial: []partial{}, RED: []redRow{}, Saturation: []saturationItem{}, Alerts: alertsOf(c.Alerts)}
	render := newRenderer()
	if c.Trace != nil {
		out.Trace = render.trace(id, c.Trace)
	}
	if c.Logs != nil {
		out.Logs = render.logs(c.Logs)
		out.Logs.NextCursor = "" // pages are the business of the link to the logs
	}
	if c.Exemplars != nil {
		out.Exemplars = render.exemplars(c.Exemplars, a.Metrics.Labels)
	}
	if c.NearLogs != nil {
		out.NearLogs = render.logs(c.NearLogs)
		out.NearLogs.NextCursor = ""
	}
	for i := range c.RED {
		out.RED = append(out.RED, redOf(&c.RED[i], c.REDFrom, int64(correlate.REDStep)))
	}
	for _, s := range c.Saturation {
		out.Saturation = append(out.Saturation, saturationItem{s.Metric, s.Service, s.Times, finite(s.Values)})
	}
	for _, f := range c.Failures {
		out.Partial = append(out.Partial, partial{f.Section, infoOf(f.Err)})
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
		logs.Set("start", timeText(t.Start-hour))
		logs.Set("end", timeText(t.End+hour))
	}
	return map[string]string{
		"self":          "/api/v1/traces/" + text + "/context",
		"trace":         "/api/v1/traces/" + text,
		"logs":          "/api/v1/logs?" + logs.Encode(),
		"critical_path": "/api/v1/traces/" + text + "/critical-path",
	}
}
