package nativeapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/correlate"
	"github.com/trefoil-o11y/trefoil/query/fault"
)

// anchorRequest is the body of POST /api/v1/correlate: one of its anchors.
type anchorRequest struct {
	Span     *spanAnchor   `json:"span"`
	Log      *eventAnchor  `json:"log"`
	Exemplar *eventAnchor  `json:"exemplar"`
	Alert    *labelsAnchor `json:"alert"`
	Series   *labelsAnchor `json:"series"`
	Around   *scalarText   `json:"around"`
}

type spanAnchor struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
}

type eventAnchor struct {
	spanAnchor
	labelsAnchor
}

type labelsAnchor struct {
	Labels map[string]string `json:"labels"`
	At     *scalarText       `json:"at"`
}

func (q *anchorRequest) anchor() (correlate.Anchor, error) {
	var a correlate.Anchor
	given := 0
	var err error
	use := func(kind string, s *spanAnchor, l *labelsAnchor) {
		given++
		a.Kind = kind
		if s != nil && s.TraceID != "" && err == nil {
			var id [16]byte
			if id, err = parseTraceID(s.TraceID); err == nil {
				a.TraceID = &id
			}
		}
		if s != nil && s.SpanID != "" && err == nil {
			var id [8]byte
			if id, err = parseSpanID(s.SpanID); err == nil {
				a.SpanID = &id
			}
		}
		if l != nil {
			a.Labels = l.Labels
			if l.At != nil && err == nil {
				a.At, err = parseTime(string(*l.At))
			}
		}
	}
	if q.Span != nil {
		use("span", q.Span, nil)
	}
	if q.Log != nil {
		use("log", &q.Log.spanAnchor, &q.Log.labelsAnchor)
	}
	if q.Exemplar != nil {
		use("exemplar", &q.Exemplar.spanAnchor, &q.Exemplar.labelsAnchor)
	}
	if q.Alert != nil {
		use("alert", nil, q.Alert)
	}
	if q.Series != nil {
		use("series", nil, q.Series)
	}
	if err == nil && given != 1 {
		err = errors.New("want one of span, log, exemplar, alert and series")
	}
	if err == nil && q.Around != nil {
		a.Around, err = parseDuration(string(*q.Around))
	}
	if err != nil {
		return a, fault.Param("anchor", err)
	}
	return a, nil
}

type relatedLink struct {
	Kind   string  `json:"kind"`
	Title  string  `json:"title"`
	Reason string  `json:"reason"`
	Href   string  `json:"href"`
	Score  float64 `json:"score"`
}

type shiftItem struct {
	Service      string  `json:"service"`
	RateNow      float64 `json:"rate"`
	RateBefore   float64 `json:"rate_before"`
	ErrorsNow    float64 `json:"error_share"`
	ErrorsBefore float64 `json:"error_share_before"`
	P99Now       float64 `json:"p99_ns"`
	P99Before    float64 `json:"p99_ns_before"`
	Weight       float64 `json:"weight"`
}

type patternItem struct {
	Service        string `json:"service"`
	Pattern        string `json:"pattern"`
	SeverityNumber uint8  `json:"severity_number"`
	Count          uint64 `json:"count"`
	Sample         string `json:"sample"`
}

type relatedBody struct {
	Anchor   string        `json:"anchor"`
	Start    string        `json:"start"`
	End      string        `json:"end"`
	Services []string      `json:"services"`
	Links    []relatedLink `json:"links"`
	Changes  []shiftItem   `json:"changes"`
	Deltas   *deltasBody   `json:"deltas"`
	Patterns []patternItem `json:"patterns"`
	Alerts   []firingAlert `json:"alerts"`
	Partial  []partial     `json:"partial"`
}

// correlate answers what goes with something and what changed around it.
func (a *api) correlate(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	var req anchorRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQueryBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return bodyError(err)
	}
	anchor, err := req.anchor()
	if err != nil {
		return err
	}
	rel, err := a.Correlator.Correlate(r.Context(), tenantOf(r), anchor)
	if err != nil {
		return err
	}
	body := relatedBody{
		Anchor: anchor.Kind, Start: timeText(rel.From.UnixNano()), End: timeText(rel.To.UnixNano()), Services: append([]string{}, rel.Services...),
		Links: []relatedLink{}, Changes: []shiftItem{}, Deltas: deltasOf(rel.Selection, rel.Deltas), Patterns: []patternItem{}, Alerts: alertsOf(rel.Alerts), Partial: []partial{},
	}
	for _, l := range rel.Links {
		body.Links = append(body.Links, relatedLink(l))
	}
	for _, s := range rel.Changes {
		body.Changes = append(body.Changes, shiftItem{s.Service, s.RateNow, s.RateBefore, s.ErrorsNow, s.ErrorsBefore, s.Now.P99, s.Before.P99, s.Weight})
	}
	for _, p := range rel.Patterns {
		body.Patterns = append(body.Patterns, patternItem{p.Service, p.Pattern, p.Severity, p.Count, p.Sample})
	}
	for _, f := range rel.Failures {
		body.Partial = append(body.Partial, partial{f.Section, infoOf(f.Err)})
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}
